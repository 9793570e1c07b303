// How long one policy decision takes in Cedar (its WebAssembly build, policies parsed beforehand) and in Casbin, among rules that are about
// others. The rules have the mix of ../Kontext.Bench/Small/SampleRules.cs: one allows everything, a quarter each denies or allows by
// integration, role, person and application.
//
//   node decisions.mjs RULES SECONDS      prints {"cedar": nanoseconds, "casbin": nanoseconds}
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { newEnforcer, newModelFromString, StringAdapter } from 'casbin';

const rules = Number(process.argv[2]);
const seconds = Number(process.argv[3]);

function cedar() {
    const policies = ['permit(principal, action, resource);'];
    for (let n = 1; n < rules; n++) {
        policies.push([
            `forbid(principal, action == Action::"create_issue", resource == Integration::"integration ${n}");`,
            `forbid(principal in Role::"role ${n}", action, resource == Integration::"github");`,
            `forbid(principal == User::"user ${n}", action, resource == Integration::"github");`,
            `forbid(principal, action == Action::"list_issues", resource) when { context.application == "application ${n}" };`,
        ][n % 4]);
    }
    const parsed = preparsePolicySet('rules', { staticPolicies: policies.join('\n') });
    if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed.errors));
    const call = {
        principal: { type: 'User', id: 'alice' },
        action: { type: 'Action', id: 'create_issue' },
        resource: { type: 'Integration', id: 'github' },
        context: { application: 'bot', target: 'acme/frontend' },
        preparsedPolicySetId: 'rules',
        entities: [{ uid: { type: 'User', id: 'alice' }, attrs: {}, parents: [{ type: 'Role', id: 'member' }, { type: 'Role', id: 'engineering' }] }],
    };
    return () => {
        const answer = statefulIsAuthorized(call);
        if (answer.type !== 'success' || answer.response.decision !== 'allow') throw new Error(JSON.stringify(answer));
    };
}

async function casbin() {
    const model = newModelFromString(`
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = (p.sub == "*" || g(r.sub, p.sub)) && (p.obj == "*" || r.obj == p.obj) && (p.act == "*" || r.act == p.act)
`);
    const lines = ['p, *, *, *, allow'];
    for (let n = 1; n < rules; n++) {
        lines.push([
            `p, *, integration ${n}, create_issue, deny`,
            `p, role ${n}, github, *, deny`,
            `p, user ${n}, github, *, deny`,
            `p, application ${n}, *, list_issues, allow`,
        ][n % 4]);
    }
    lines.push('g, alice, member', 'g, alice, engineering');
    const enforcer = await newEnforcer(model, new StringAdapter(lines.join('\n')));
    return () => {
        if (!enforcer.enforceSync('alice', 'github', 'create_issue')) throw new Error('denied');
    };
}

function measure(decide) {
    const until = performance.now() + seconds * 1000;
    decide();
    let count = 0;
    const begun = performance.now();
    do {
        decide();
        count++;
    } while (performance.now() < until);
    return (performance.now() - begun) * 1e6 / count;
}

console.log(JSON.stringify({ cedar: measure(cedar()), casbin: measure(await casbin()) }));
