// Narrows a list of choices while one types. Without it the whole list is there.
function narrow(field) {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const choice of document.querySelectorAll(`#${CSS.escape(field.dataset.narrows)} > *`)) {
    const text = choice.textContent.toLowerCase();
    // What is chosen stays in sight, so that nobody sends what they do not see.
    choice.hidden = !words.every(word => text.includes(word)) && !choice.querySelector('input:checked');
    if (!choice.hidden) shown++;
  }
  document.getElementById(`${field.id}-count`).textContent = words.length ? `${shown} shown` : '';
}

document.addEventListener('input', event => {
  if (event.target.dataset.narrows) narrow(event.target);
});

function offer() {
  for (const part of document.querySelectorAll('[data-narrowing][hidden]')) part.hidden = false;
}

document.addEventListener('kontext:shown', offer);
offer();
