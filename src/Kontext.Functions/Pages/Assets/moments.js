// Says every point in time in the zone of whoever reads it; the page itself says UTC.
const words = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short',
});

function say() {
  for (const time of document.querySelectorAll('time[datetime]:not([title])')) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.textContent;
    time.textContent = words.format(at);
  }
}

document.addEventListener('kontext:shown', say);
say();
