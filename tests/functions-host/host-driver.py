#!/usr/bin/env python3
"""host-driver.py - a stand-in for the Azure Functions v4 host, for custom-handler apps (Python 3.9+, stdlib only).

Own code, written from observed/documented behaviour of the host; it is NOT the host. It
  * reads APPDIR/host.json and APPDIR/*/function.json (or host.json customHandler.http.routes / configurationProfile),
  * starts the handler with the host's child environment (FUNCTIONS_CUSTOMHANDLER_PORT ...), waits for readiness as the
    host does (GET / every 25 ms, any HTTP answer counts), restarts it as the host does (exit != 0: restart, 3 errors in
    30 min: give up; exit 200: restart, not counted; exit 0: NOT restarted),
  * serves HTTP on --port and passes requests on in the configured mode: enableProxyingHttpRequest (streaming),
    enableForwardingHttpRequest (buffered), or the JSON payload mode,
  * fires timerTriggers on schedule and on POST /admin/functions/NAME, polls Storage queues (Azurite) for queueTriggers
    with poison-queue handling, and delivers serviceBusTrigger messages given through POST /admin/functions/NAME.

  host-driver.py APPDIR [--port 7071] [--no-timers] [--hang-after SEC] [--handler "cmd ..."] ...

Admin (header x-functions-key: MASTER):
  POST /admin/functions/NAME            {"input": "..."}  -> 202  (as the real host)
  POST /admin/functions/NAME?wait=1     same, but waits and answers {"succeeded":..,"status":..,"logs":..,"error":..}
        extra keys (driver only): "isPastDue": true (timer); "serviceBus": {"ApplicationProperties":{..},"MessageId":..}
  GET  /admin/host/status               GET /admin/driver/log        GET /admin/driver/deadletter
"""
import argparse, asyncio, base64, datetime as dt, hashlib, hmac, http.client, json, os, re, shlex, signal, socket, sys
import time, urllib.parse, uuid
import xml.etree.ElementTree as ET
from email.utils import formatdate

HOST_VERSION = "4.1052.0.0"
MAX_BODY = 104857600            # ScriptConstants.DefaultMaxRequestBodySize; FUNCTIONS_REQUEST_BODY_SIZE_LIMIT overrides
HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "trailer",
       "proxy-authenticate", "proxy-authorization", "proxy-authentication-info"}
UTC = dt.timezone.utc


def log(*a):
    print("[driver]", *a, file=sys.stderr, flush=True)


def load_json(p):
    s = open(p, encoding="utf-8-sig").read()
    try:
        return json.loads(s)
    except ValueError:      # tolerate // and /* */ comments as Newtonsoft does
        s = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or "", s, flags=re.S)
        return json.loads(s)


def ci(d, k, default=None):
    """case-insensitive dict get"""
    if isinstance(d, dict):
        for x in d:
            if x.lower() == k.lower():
                return d[x]
    return default


def timespan(s, default=None):
    if s in (None, "", "-1"):
        return default
    m = re.fullmatch(r"(?:(\d+)\.)?(\d+):(\d+):(\d+)(?:\.\d+)?", str(s))
    if not m:
        return default
    d, h, mi, se = (int(x or 0) for x in m.groups())
    return d * 86400 + h * 3600 + mi * 60 + se


# ------------------------------------------------------------------------------------------------ routes
class Route:
    """ASP.NET route template, matched like Microsoft.AspNetCore.Routing's TemplateMatcher (no precedence)."""
    SIMPLE = {"int": r"[+-]?\d{1,10}", "long": r"[+-]?\d{1,19}", "guid": r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}",
              "bool": r"(?:true|false)", "alpha": r"[a-zA-Z]*", "decimal": r"[+-]?\d+(?:\.\d+)?", "double": r"[+-]?\d+(?:\.\d+)?"}

    def __init__(self, template):
        self.template = template
        segs, depth, cur = [], 0, ""
        for c in template:
            if c == "{": depth += 1
            if c == "}": depth -= 1
            if c == "/" and depth == 0:
                segs.append(cur); cur = ""
            else:
                cur += c
        segs.append(cur)
        self.segs = [self._seg(s) for s in segs if s != ""]

    def _seg(self, s):
        m = re.fullmatch(r"\{(\*{0,2})([^:=?{}]+)((?::(?:[^{}]|\{\{|\}\}|\{[^{}]*\})*)?)(=[^?]*)?(\?)?\}", s)
        if not m:
            return ("lit", s.lower()) if "{" not in s else ("rx", re.compile(
                re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+?)", re.escape(s)) + r"\Z", re.I))
        star, name, cons, dflt, opt = m.groups()
        if cons.endswith("?"): cons, opt = cons[:-1], "?"      # {name:constraint?}: the mark belongs to the parameter
        cs = []
        rest = (cons or "").replace("{{", "{").replace("}}", "}")
        while rest:
            mm = re.match(r":(\w+)(\((?:.*)\))?(?=:\w+(?:\(|:|\Z)|\Z)", rest, re.S)
            if not mm:
                break
            cs.append((mm.group(1), mm.group(2)[1:-1] if mm.group(2) else None)); rest = rest[mm.end():]
        return ("all" if star else "par", name, cs, (dflt or "=")[1:] if dflt else None, bool(opt))

    def _ok(self, cs, v):
        for n, a in cs:
            if v is None:
                return False
            if n in self.SIMPLE and not re.fullmatch(self.SIMPLE[n], v, re.I): return False
            if n == "regex" and not re.search(a, v, re.I): return False
            if n == "minlength" and len(v) < int(a): return False
            if n == "maxlength" and len(v) > int(a): return False
            if n == "length":
                p = [int(x) for x in a.split(",")]
                if not (p[0] <= len(v) <= p[-1]): return False
            if n in ("min", "max", "range"):
                try: i = int(v)
                except ValueError: return False
                p = [int(x) for x in a.split(",")]
                if n == "min" and i < p[0] or n == "max" and i > p[0] or n == "range" and not (p[0] <= i <= p[1]): return False
        return True

    def match(self, path):
        p = path[1:] if path.startswith("/") else path
        parts = p.split("/") if p else []
        if parts and parts[-1] == "":
            parts = parts[:-1]
        vals, i = {}, 0
        while i < len(parts):
            if parts[i] == "": return None
            if i >= len(self.segs): return None
            s = self.segs[i]
            if s[0] == "lit":
                if parts[i].lower() != s[1]: return None
            elif s[0] == "rx":
                m = s[1].match(parts[i])
                if not m: return None
                vals.update(m.groupdict())
            elif s[0] == "par":
                if not self._ok(s[2], parts[i]): return None
                vals[s[1]] = parts[i]
            else:
                v = "/".join(p.split("/")[i:])
                if not self._ok(s[2], v): return None
                vals[s[1]] = v
                return vals
            i += 1
        for s in self.segs[i:]:
            if s[0] in ("lit", "rx"): return None
            if s[0] == "par":
                if s[3] is not None: vals[s[1]] = s[3]
                elif not s[4]: return None
            else:
                if s[2] and not self._ok(s[2], s[3]): return None
                vals[s[1]] = s[3]
        return vals


# ------------------------------------------------------------------------------------------------ NCRONTAB
class Cron:
    NAMES = {n: i for i, n in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
    DAYS = {n: i for i, n in enumerate("sun mon tue wed thu fri sat".split())}

    def __init__(self, e):
        f = e.split()
        if len(f) == 5: f = ["0"] + f
        if len(f) != 6: raise ValueError(f"'{e}' is not a valid CRON expression")
        rng = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
        self.s = [self._f(x, lo, hi, {4: self.NAMES, 5: self.DAYS}.get(i, {})) for i, (x, (lo, hi)) in enumerate(zip(f, rng))]

    def _f(self, x, lo, hi, names):
        out = set()
        n = lambda v: names.get(v.lower()[:3], None) if v.lower()[:3] in names else int(v)
        for part in x.split(","):
            b, _, st = part.partition("/")
            st = int(st or 1)
            if b in ("*", "?"): a, z = lo, hi
            elif "-" in b: a, z = (n(v) for v in b.split("-", 1))
            else: a = n(b); z = hi if "/" in part else a
            out |= set(range(a, z + 1, st))
        return out

    def next(self, t):
        t = t.replace(microsecond=0) + dt.timedelta(seconds=1)
        S, M, H, D, MO, W = self.s
        for _ in range(200000):
            if t.month not in MO:
                t = (t.replace(day=1, hour=0, minute=0, second=0) + dt.timedelta(days=32)).replace(day=1); continue
            if t.day not in D or (t.isoweekday() % 7) not in W:
                t = (t + dt.timedelta(days=1)).replace(hour=0, minute=0, second=0); continue
            if t.hour not in H: t = (t + dt.timedelta(hours=1)).replace(minute=0, second=0); continue
            if t.minute not in M: t = (t + dt.timedelta(minutes=1)).replace(second=0); continue
            if t.second not in S: t += dt.timedelta(seconds=1); continue
            return t
        raise ValueError("no next occurrence")


# ------------------------------------------------------------------------------------------------ payload values
def is_json_text(s):
    s = s.strip()
    return (s.startswith("{") and s.endswith("}")) or (s.startswith("[") and s.endswith("]"))


def enc(v):
    """How the host turns one binding value into JSON (strings become JSON text inside a JSON string)."""
    if isinstance(v, (bytes, bytearray)): return base64.b64encode(v).decode()
    if isinstance(v, dt.datetime): return v.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    if isinstance(v, dict): return v
    return json.dumps(v, ensure_ascii=False, separators=(",", ":"))


def now7(t=None):
    t = t or dt.datetime.now(UTC)
    return t.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"


def build(name, binding, trigger_value, meta):
    """{"Data":..,"Metadata":..}; the trigger's own JSON text adds to / overrides Metadata, as in the host."""
    md = dict(meta)
    md["sys"] = {"MethodName": name, "UtcNow": now7() + "Z", "RandGuid": str(uuid.uuid4())}
    if isinstance(trigger_value, str) and is_json_text(trigger_value):
        try:
            o = json.loads(trigger_value)
        except ValueError:
            o = None
        if isinstance(o, dict):
            low = {k.lower(): k for k in md}
            for k, v in o.items():
                if v is None or isinstance(v, list): continue
                if isinstance(v, bool): v = "True" if v else "False"
                elif not isinstance(v, (dict, str)): v = json.dumps(v)
                md[low.get(k.lower(), k)] = v
    return {"Data": {binding["name"]: trigger_value if isinstance(trigger_value, dict) else enc(trigger_value)},
            "Metadata": {k: (v if k == "sys" and isinstance(v, dict) else enc(v)) for k, v in md.items()
                         if v is not None and not k.lower().endswith("trigger")}}


# ------------------------------------------------------------------------------------------------ storage queues
class Queue:
    def __init__(s, cs, name):
        if cs.strip().lower() == "usedevelopmentstorage=true":
            cs = ("AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
                  "KBHBeksoGMGw==;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1")
        d = dict(p.split("=", 1) for p in cs.strip().strip(";").split(";"))
        s.acct, s.key = d["AccountName"], base64.b64decode(d["AccountKey"])
        ep = d.get("QueueEndpoint") or f"{d.get('DefaultEndpointsProtocol', 'https')}://{s.acct}.queue.{d.get('EndpointSuffix', 'core.windows.net')}"
        u = urllib.parse.urlparse(ep)
        s.tls, s.host, s.port, s.base, s.name = u.scheme == "https", u.hostname, u.port, u.path.rstrip("/"), name.lower()

    def call(s, method, path, q=None, body=b""):
        q = q or {}
        hd = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        if body: hd.update({"Content-Length": str(len(body)), "Content-Type": "application/xml"})
        canon = "".join(f"{k}:{hd[k]}\n" for k in sorted(hd) if k.startswith("x-ms-"))
        res = f"/{s.acct}{s.base}{path}" + "".join(f"\n{k.lower()}:{q[k]}" for k in sorted(q))
        sts = "\n".join([method, "", "", str(len(body)) if body else "", "", "application/xml" if body else ""] + [""] * 6) + "\n" + canon + res
        hd["Authorization"] = f"SharedKey {s.acct}:" + base64.b64encode(hmac.new(s.key, sts.encode(), hashlib.sha256).digest()).decode()
        c = (http.client.HTTPSConnection if s.tls else http.client.HTTPConnection)(s.host, s.port, timeout=30)
        try:
            c.request(method, s.base + path + ("?" + urllib.parse.urlencode(q) if q else ""), body or None, hd)
            r = c.getresponse(); b = r.read()
            return r.status, b
        finally:
            c.close()

    def create(s): return s.call("PUT", f"/{s.name}")[0]

    def put(s, raw, ttl=None):
        t = raw.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return s.call("POST", f"/{s.name}/messages", {"messagettl": str(ttl)} if ttl else {}, f"<QueueMessage><MessageText>{t}</MessageText></QueueMessage>".encode())[0]

    def get(s, n, vis):
        st, b = s.call("GET", f"/{s.name}/messages", {"numofmessages": str(n), "visibilitytimeout": str(vis)})
        if st != 200: return []
        return [{e.tag: e.text or "" for e in m} for m in ET.fromstring(b.lstrip(b"\xef\xbb\xbf")).findall("QueueMessage")]

    def delete(s, m): return s.call("DELETE", f"/{s.name}/messages/{m['MessageId']}", {"popreceipt": m["PopReceipt"]})[0]
    def release(s, m, vis): return s.call("PUT", f"/{s.name}/messages/{m['MessageId']}", {"popreceipt": m["PopReceipt"], "visibilitytimeout": str(vis)})[0]


def rfc(s):
    try:
        return dt.datetime.strptime(s, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


# ------------------------------------------------------------------------------------------------ http plumbing
class Abort(Exception):
    pass


async def read_head(r):
    raw = await r.readuntil(b"\r\n\r\n")
    lines = raw[:-4].decode("latin-1").split("\r\n")
    return lines[0], [tuple(x.strip() if i else x for i, x in enumerate(l.split(":", 1))) for l in lines[1:] if ":" in l]


def hget(h, k):
    for n, v in h:
        if n.lower() == k.lower(): return v
    return None


async def body_chunks(r, headers, timeout, until_eof=False):
    te, cl = hget(headers, "Transfer-Encoding"), hget(headers, "Content-Length")
    w = lambda c: asyncio.wait_for(c, timeout)
    if te and "chunked" in te.lower():
        while True:
            n = int((await w(r.readline())).split(b";")[0].strip() or b"0", 16)
            if n == 0:
                while (await w(r.readline())) not in (b"\r\n", b"\n", b""): pass
                return
            while n:
                b = await w(r.read(min(n, 65536)))
                if not b: raise Abort("truncated chunk")
                n -= len(b); yield b
            await w(r.readline())
    elif cl is not None:
        n = int(cl)
        while n:
            b = await w(r.read(min(n, 65536)))
            if not b: raise Abort("truncated body")
            n -= len(b); yield b
    elif until_eof:
        while True:
            b = await w(r.read(65536))
            if not b: return
            yield b


async def client_gone(r):
    """True when the client closed; does not consume input (False: more input is there)."""
    while not r._buffer and not r.at_eof():
        await r._wait_for_data("client_gone")
    return not r._buffer and r.at_eof()


REASON = http.client.responses


class Driver:
    def __init__(self, a):
        self.a, self.app = a, os.path.abspath(a.appdir)
        self.host = load_json(os.path.join(self.app, "host.json"))
        self.ch = ci(self.host, "customHandler") or {}
        self.profile = (ci(self.host, "configurationProfile") or "default").lower()
        flag = lambda k: str(ci(self.ch, k, False)).lower() == "true"
        self.proxying, self.forwarding = flag("enableProxyingHttpRequest"), flag("enableForwardingHttpRequest")
        ext = ci(self.host, "extensions") or {}
        self.prefix = ci(ci(ext, "http") or {}, "routePrefix", "api")
        self.qopt = dict(ci(ext, "queues") or {})
        for k, v in os.environ.items():         # an app setting wins over host.json, as in the host
            m = re.fullmatch(r"AzureFunctionsJobHost__extensions__queues__(\w+)", k, re.I)
            if m: self.qopt = {**{x: y for x, y in self.qopt.items() if x.lower() != m.group(1).lower()}, m.group(1): v}
        routes = ci(ci(self.ch, "http") or {}, "routes")
        if self.profile in ("mcp-custom-handler", "web-app-custom-handler"):
            self.proxying, self.prefix = True, ""
            routes = routes or [{"route": "{*route}"}]
        elif self.profile not in ("default", ""):
            sys.exit(f"Configuration profile '{self.profile}' is not supported")
        self.func_timeout = timespan(ci(self.host, "functionTimeout"), 1800)
        self.init_timeout = timespan(ci(self.ch, "initializationTimeout"), 30)
        self.max_body = int(os.environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT") or MAX_BODY)
        self.port = int(ci(self.ch, "port") or 0) or self._free_port()
        self.env = dict(os.environ)
        ls = os.path.join(self.app, "local.settings.json")
        if os.path.exists(ls):
            for k, v in (ci(load_json(ls), "Values") or {}).items(): self.env.setdefault(k, str(v))
        self.functions, self.history, self.dead = self._functions(routes), [], []
        self.proc = None; self.ready = asyncio.Event(); self.errors = []; self.stopping = False; self.schedstat = {}

    @staticmethod
    def _free_port():
        s = socket.socket(); s.bind(("127.0.0.1", 0)); p = s.getsockname()[1]; s.close(); return p

    def setting(self, v):
        return re.sub(r"%([^%]+)%", lambda m: self.env.get(m.group(1)) or self.env.get(m.group(1).replace(":", "__")) or sys.exit(f"'{m.group(0)}' does not resolve to a value."), v)

    def _functions(self, routes):
        out = []
        dirs = sorted(d for d in os.listdir(self.app) if os.path.exists(os.path.join(self.app, d, "function.json")))
        if routes:
            if dirs: sys.exit("Detected both function.json files and custom handler HTTP route configuration definition in host.json")
            lvl = ci(ci(self.ch, "http") or {}, "defaultAuthorizationLevel", "function")
            fs = [(f"http-handler{i}", {"bindings": [{"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": ci(r, "authorizationLevel", lvl), "route": ci(r, "route")},
                                                     {"type": "http", "direction": "out", "name": "res"}]}) for i, r in enumerate(routes, 1)]
        else:
            fs = [(d, load_json(os.path.join(self.app, d, "function.json"))) for d in dirs]
        for name, j in fs:
            if not re.fullmatch(r"[a-z][a-z0-9_\-]{0,127}", name, re.I) or name.lower() == "host":
                log(f"ERROR '{name}' is not a valid function name."); continue
            if ci(j, "disabled") is True or self.env.get(f"AzureWebJobs.{name}.Disabled", self.env.get(f"AzureWebJobs_{name}_Disabled", "")).lower() in ("1", "true"):
                continue
            b = ci(j, "bindings") or []
            trig = [x for x in b if x["type"].lower().endswith("trigger")]
            if len(trig) != 1:
                log(f"ERROR function '{name}': exactly one trigger is required"); continue
            f = {"name": name, "trigger": trig[0], "type": trig[0]["type"].lower(), "outs": [x for x in b if ci(x, "direction") == "out"],
                 "ins": [x for x in b if ci(x, "direction", "in") == "in"], "json": j}
            if f["type"] == "httptrigger":
                t = trig[0].get("route") or name
                if re.match(r"/?(admin|runtime)", t, re.I) and not self.prefix:
                    log(f"ERROR The '{name}' function is in error: The specified route conflicts with one or more built in routes."); continue
                f["route"] = Route("/".join(x for x in (self.prefix.strip("/"), t.strip("/")) if x))
                f["methods"] = [m.upper() for m in trig[0].get("methods") or []]
                f["auth"] = (trig[0].get("authLevel") or "function").lower()
                f["simple"] = len(f["ins"]) == 1 and len(f["outs"]) == 1 and f["outs"][0]["type"].lower() == "http"
            elif f["type"] not in ("timertrigger", "queuetrigger", "servicebustrigger"):
                log(f"WARNING '{name}': {f['type']} is not simulated (admin calls only)")
            out.append(f)
        # the host maps HTTP routes in function-name order and the first match wins
        out.sort(key=lambda f: f["name"].lower())
        return out

    # ---------------------------------------------------------------- handler process
    def command(self):
        if self.a.handler: return shlex.split(self.a.handler), self.app
        d = ci(self.ch, "description") or {}
        exe = os.path.expandvars(re.sub(r"%(\w+)%", r"${\1}", ci(d, "defaultExecutablePath") or ""))
        if not exe: sys.exit("WorkerDescription DefaultExecutablePath cannot be empty")
        wd = ci(d, "workingDirectory") or self.app
        wd = wd if os.path.isabs(wd) else os.path.join(self.app, wd)
        base = ci(d, "workerDirectory") or self.app
        base = base if os.path.isabs(base) else os.path.join(self.app, base)
        if not os.path.isabs(exe) and os.path.exists(os.path.join(base, exe)): exe = os.path.join(base, exe)
        args = " ".join(ci(d, "arguments") or [])
        if ci(d, "defaultWorkerPath"): args += f' "{ci(d, "defaultWorkerPath")}"'
        args += " " + " ".join(ci(d, "workerArguments") or [])
        args = re.sub(r"%(\w+)%", lambda m: self.childenv().get(m.group(1), ""), args)
        return [exe] + shlex.split(args), wd

    def childenv(self):
        e = dict(self.env)
        wid = str(uuid.uuid4())
        e.update({"FUNCTIONS_HTTPWORKER_PORT": str(self.port), "FUNCTIONS_CUSTOMHANDLER_PORT": str(self.port), "FUNCTIONS_HTTPWORKER_ID": wid,
                  "FUNCTIONS_CUSTOMHANDLER_WORKER_ID": wid, "FUNCTIONS_APP_ROOT_PATH": self.app, "FUNCTIONS_WORKER_RUNTIME": "custom",
                  "FUNCTIONS_EXTENSION_VERSION": "~4", "AzureWebJobsScriptRoot": self.app})
        e.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        # the real host's own binding is inherited too; a handler must not rely on ASPNETCORE_URLS
        e.setdefault("ASPNETCORE_URLS", f"http://127.0.0.1:{self.a.port}")
        e.setdefault("WEBSITE_HOSTNAME", f"localhost:{self.a.port}")
        return e

    async def start_handler(self):
        self.ready.clear()
        cmd, wd = self.command()
        log("starting", " ".join(cmd), "in", wd, "port", self.port)
        self.proc = p = await asyncio.create_subprocess_exec(*cmd, cwd=wd, env=self.childenv(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True)
        log(f"handler is process {p.pid}")
        for st, tag in ((p.stdout, "out"), (p.stderr, "err")): asyncio.ensure_future(self.pump(st, tag))
        asyncio.ensure_future(self.watch(p))
        asyncio.ensure_future(self.await_ready(p))

    async def pump(self, st, tag):
        while True:
            try: l = await st.readline()
            except ValueError: continue
            if not l: return
            if not self.a.quiet: print(f"[handler:{tag}] " + l.decode("utf-8", "replace").rstrip(), file=sys.stderr, flush=True)

    async def await_ready(self, p):
        t0 = time.monotonic()
        while time.monotonic() - t0 < self.init_timeout and p.returncode is None:
            try:
                r, w = await asyncio.open_connection("127.0.0.1", self.port)
                w.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
                await asyncio.wait_for(read_head(r), max(1, self.init_timeout - (time.monotonic() - t0)))
                w.close()
                if p is self.proc:
                    log(f"handler ready after {time.monotonic() - t0:.2f}s"); self.ready.set()
                return
            except ConnectionRefusedError:
                await asyncio.sleep(0.025)
            except (asyncio.IncompleteReadError, ConnectionError):
                # not a refused socket: the host takes the handler to be ready
                if p is self.proc: self.ready.set()
                return
            except asyncio.TimeoutError:
                break
        if p.returncode is None and p is self.proc and not self.stopping:
            log("ERROR Failed to start http worker process: Initializing HttpWorker timed out.")
            await self.error_restart("init timeout", p)

    async def watch(self, p):
        rc = await p.wait()
        if p is not self.proc or self.stopping: return
        self.ready.clear()
        if rc == 0:
            log("handler exited with code 0: the host does NOT restart it; every request now fails until the host is recycled")
            self.ready.set()
        elif rc == 200:
            log("handler exited with code 200: intentional restart"); await self.start_handler()
        else:
            log(f"handler exited with code {rc}"); await self.error_restart(f"exit {rc}", p)

    async def error_restart(self, why, p):
        n = time.monotonic()
        if self.errors and n - self.errors[-1] > 1800: self.errors.clear()
        self.errors.append(n)
        self.kill(p)
        if len(self.errors) < self.a.max_errors:
            await self.start_handler()
        else:
            log("ERROR Exceeded http worker restart retry count. Shutting down Functions Host"); os._exit(1)

    def kill(self, p=None):
        p = p or self.proc
        if p and p.returncode is None:
            try: os.killpg(p.pid, signal.SIGKILL)      # Process.Kill(): no SIGTERM, no grace
            except ProcessLookupError: pass

    async def timeout_restart(self):
        log("A function timeout has occurred. Restarting worker process")
        p, self.proc = self.proc, None
        self.kill(p); await self.start_handler()

    # ---------------------------------------------------------------- non-HTTP invocation
    async def invoke(self, f, payload, reason, iid=None):
        iid = iid or str(uuid.uuid4())
        rec = {"function": f["name"], "id": iid, "reason": reason, "at": now7(), "payload": payload}
        self.history.append(rec)
        t0 = time.monotonic()
        hang = self.a.hang_after or self.func_timeout
        try:
            await asyncio.wait_for(self.ready.wait(), self.init_timeout * 4)
            st, hd, body = await asyncio.wait_for(self.post(f, payload, iid), hang)
            rec["status"] = st
            if not 200 <= st < 300:
                raise Abort(f"Response status code does not indicate success: {st} ({REASON.get(st, '')}).")
            ct = (hget(hd, "Content-Type") or "").split(";")[0].strip().lower()
            if not body:
                raise asyncio.TimeoutError("HANG: empty response body; the host waits until functionTimeout, then kills the handler. Answer JSON such as {}")
            if ct not in ("application/json", "text/json"):
                raise Abort(f"Invalid HttpResponseMessage: content type '{ct or 'none'}' (must be application/json)")
            try: o = json.loads(body)
            except ValueError: raise Abort("Invalid HttpResponseMessage: not JSON")
            if o is None:
                raise asyncio.TimeoutError("HANG: JSON null; the host waits until functionTimeout, then kills the handler")
            if not isinstance(o, dict): raise Abort("Invalid HttpResponseMessage: not a JSON object")
            logs, outs = ci(o, "Logs"), ci(o, "Outputs")
            if logs is not None and not isinstance(logs, list): raise Abort("Invalid HttpResponseMessage: Logs must be an array of strings")
            if outs is not None and not isinstance(outs, dict): raise Abort("Invalid HttpResponseMessage: Outputs must be an object")
            for l in logs or []: log(f"[{f['name']}.User] {l}")
            rec.update(succeeded=True, logs=logs, outputs=outs, returnValue=ci(o, "ReturnValue"))
        except asyncio.TimeoutError as e:
            msg = str(e) or f"Timeout value of {hang} s was exceeded by function: Functions.{f['name']}"
            rec.update(succeeded=False, error=msg)
            if not str(e): await self.timeout_restart()
        except (Abort, OSError, asyncio.IncompleteReadError) as e:
            rec.update(succeeded=False, error=str(e) or type(e).__name__)
        rec["ms"] = round((time.monotonic() - t0) * 1000)
        log(f"Executed 'Functions.{f['name']}' ({'Succeeded' if rec['succeeded'] else 'Failed'}, Id={iid}, Duration={rec['ms']}ms)" + ("" if rec["succeeded"] else " " + rec["error"]))
        return rec

    async def post(self, f, payload, iid, path=None, method="POST", hops=0):
        b = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        path = path or "/" + f["name"]
        r, w = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            h = (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nX-Azure-Functions-HostVersion: {HOST_VERSION}\r\n"
                 f"X-Azure-Functions-InvocationId: {iid}\r\nUser-Agent: Azure-Functions-Host/{HOST_VERSION}\r\n")
            if method == "POST":
                h += "Transfer-Encoding: chunked\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
                w.write(h.encode() + b"%x\r\n" % len(b) + b + b"\r\n0\r\n\r\n")
            else:
                w.write((h + "\r\n").encode())
            await w.drain()
            line, hd = await read_head(r)
            st = int(line.split(" ")[1])
            body = b"" if st in (204, 304) else b"".join([c async for c in body_chunks(r, hd, None, until_eof=True)])
        finally:
            w.close()
        loc = hget(hd, "Location")
        if st in (301, 302, 303, 307, 308) and loc and not self.forwarding and hops < 50:   # the host's HttpClient follows redirects
            u = urllib.parse.urljoin(f"http://127.0.0.1:{self.port}{path}", loc)
            return await self.post(f, payload, iid, urllib.parse.urlparse(u).path or "/", method if st in (307, 308) else "GET", hops + 1)
        return st, hd, body

    # ---------------------------------------------------------------- triggers
    def sched(self, f):
        s = self.setting(f["trigger"]["schedule"])
        return timespan(s) if re.fullmatch(r"(\d+\.)?\d+:\d+:\d+", s) else Cron(s)

    def next_of(self, s, t):
        return t + dt.timedelta(seconds=s) if isinstance(s, int) else s.next(t)

    def timer_payload(self, f, past_due=False):
        s = self.sched(f)
        n = dt.datetime.now(UTC)
        nx = self.next_of(s, n)
        monitored = f["trigger"].get("useMonitor", True) and (self.next_of(s, nx) - nx).total_seconds() >= 60
        st = self.schedstat.get(f["name"]) or {"Last": "0001-01-01T00:00:00+00:00", "Next": nx.strftime("%Y-%m-%dT%H:%M:%S+00:00"), "LastUpdated": now7(n) + "+00:00"}
        return build(f["name"], f["trigger"], {"Schedule": {"AdjustForDST": not isinstance(s, int)}, "ScheduleStatus": st if monitored else None, "IsPastDue": past_due}, {})

    async def timers(self, f):
        s = self.sched(f)
        if f["trigger"].get("runOnStartup"):
            await self.invoke(f, self.timer_payload(f), "RunOnStartup")
        while True:
            n = dt.datetime.now(UTC); nx = self.next_of(s, n)
            await asyncio.sleep(max(0.0, (nx - n).total_seconds()))
            await self.invoke(f, self.timer_payload(f), f"Timer fired at {now7()}")
            self.schedstat[f["name"]] = {"Last": nx.strftime("%Y-%m-%dT%H:%M:%S+00:00"), "Next": self.next_of(s, dt.datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S+00:00"), "LastUpdated": nx.strftime("%Y-%m-%dT%H:%M:%S+00:00")}

    def queue_payload(self, f, raw, m):
        binary = (f["trigger"].get("dataType") or "").lower() == "binary"
        val = raw
        if not binary:
            try: val = raw.decode("utf-8")
            except UnicodeDecodeError: val = raw.decode("utf-8", "replace")
        return build(f["name"], f["trigger"], val, {"DequeueCount": int(m["DequeueCount"]), "ExpirationTime": rfc(m.get("ExpirationTime")), "Id": m["MessageId"],
                     "InsertionTime": rfc(m.get("InsertionTime")), "NextVisibleTime": rfc(m.get("TimeNextVisible")), "PopReceipt": m.get("PopReceipt", "")})

    async def queues(self, f):
        t = f["trigger"]; conn = t.get("connection") or "AzureWebJobsStorage"
        cs = self.env.get("AzureWebJobs" + conn) or self.env.get(conn) or self.a.storage
        if not cs:
            log(f"ERROR '{f['name']}': connection '{conn}' is not set; queue not polled"); return
        q = Queue(cs, self.setting(t["queueName"])); poison = Queue(cs, q.name + "-poison") if not q.name.endswith("-poison") else None
        o = self.qopt
        batch, thresh, maxd = int(ci(o, "batchSize", 16)), ci(o, "newBatchThreshold"), int(ci(o, "maxDequeueCount", 5))
        thresh = int(thresh) if thresh is not None else batch // 2
        vis, b64 = timespan(ci(o, "visibilityTimeout"), 0), str(ci(o, "messageEncoding", "base64")).lower() == "base64"
        maxpoll = min(timespan(ci(o, "maxPollingInterval"), 2) or 0.1, 2)
        run, delay = set(), 0.1
        th = lambda fn, *x: asyncio.get_running_loop().run_in_executor(None, fn, *x)

        async def poisoned(m):
            log(f"Message has reached MaxDequeueCount of {maxd}. Moving message to queue '{poison.name}'.")
            await th(poison.create); await th(poison.put, m["MessageText"], -1); await th(q.delete, m)

        async def one(m):
            try:
                if int(m["DequeueCount"]) > maxd:
                    if poison: await poisoned(m)
                    return
                try: raw = base64.b64decode(m["MessageText"], validate=True) if b64 else m["MessageText"].encode()
                except ValueError:
                    log(f"ERROR '{f['name']}': message {m['MessageId']} is not valid base64 (host.json extensions.queues.messageEncoding is base64): decoding failure, goes to the poison queue")
                    if poison: await poisoned(m)
                    return
                rec = await self.invoke(f, self.queue_payload(f, raw, m), f"New queue message detected on '{q.name}'.")
                if rec["succeeded"]: await th(q.delete, m)
                elif poison:
                    if int(m["DequeueCount"]) >= maxd: await poisoned(m)
                    else: await th(q.release, m, vis)
            except Exception as e:      # noqa
                log("queue error", repr(e))
        while True:
            found = False
            try:
                for m in await th(q.get, batch, 600):
                    found = True; k = asyncio.ensure_future(one(m)); run.add(k); k.add_done_callback(run.discard)
            except OSError as e:
                log(f"queue '{q.name}':", e)
            while len(run) > thresh: await asyncio.wait(run, return_when=asyncio.FIRST_COMPLETED)
            delay = 0.1 if found else min(delay * 2, maxpoll)
            if not found: await asyncio.sleep(delay)

    def sb_payload(self, f, body, sb, delivery):
        n = dt.datetime.now(UTC)
        md = {"DeliveryCount": delivery, "DeadLetterSource": None, "LockToken": str(uuid.uuid4()), "ExpiresAtUtc": n + dt.timedelta(days=14),
              "ExpiresAt": n + dt.timedelta(days=14), "EnqueuedTimeUtc": n, "EnqueuedTime": n, "MessageId": uuid.uuid4().hex, "ContentType": None, "ReplyTo": None,
              "SequenceNumber": 1, "To": None, "Subject": None, "Label": None, "CorrelationId": None, "ApplicationProperties": {}, "UserProperties": {}, "SessionId": None,
              "ReplyToSessionId": None, "PartitionKey": None, "TransactionPartitionKey": None}
        md.update(sb or {})
        if "ApplicationProperties" in (sb or {}): md["UserProperties"] = md["ApplicationProperties"]
        if "Subject" in (sb or {}): md["Label"] = md["Subject"]
        binary = (f["trigger"].get("dataType") or "").lower() == "binary"
        p = build(f["name"], f["trigger"], body.encode() if binary else body, md)
        for k in ("ExpiresAtUtc", "EnqueuedTimeUtc"):      # System.DateTime, not DateTimeOffset: no offset
            if isinstance(p["Metadata"].get(k), str): p["Metadata"][k] = p["Metadata"][k].replace("+00:00", "")
        return p

    async def admin_invoke(self, f, o):
        inp = ci(o, "input"); inp = inp if isinstance(inp, str) else ("" if inp is None else json.dumps(inp))
        why = "This function was programmatically called via the host APIs."
        if f["type"] == "timertrigger": return await self.invoke(f, self.timer_payload(f, bool(ci(o, "isPastDue"))), why)
        if f["type"] == "queuetrigger":
            n = formatdate(usegmt=True)
            return await self.invoke(f, self.queue_payload(f, inp.encode(), {"DequeueCount": "1", "MessageId": str(uuid.uuid4()), "InsertionTime": n,
                                     "ExpirationTime": formatdate(time.time() + 7 * 86400, usegmt=True), "PopReceipt": ""}), why)
        if f["type"] == "servicebustrigger":
            sb, mx = ci(o, "serviceBus") or {}, int(ci(o, "maxDeliveryCount") or 10)
            if "MessageId" not in sb: sb["MessageId"] = uuid.uuid4().hex
            for d in range(1, mx + 1):        # failure = abandon: DeliveryCount + 1, dead-lettered at the entity's MaxDeliveryCount
                rec = await self.invoke(f, self.sb_payload(f, inp, sb, d), why)
                if rec["succeeded"]: return rec
            self.dead.append({"function": f["name"], "body": inp, "reason": "MaxDeliveryCountExceeded", **sb})
            return rec
        return await self.invoke(f, build(f["name"], f["trigger"], inp, {}), why)

    # ---------------------------------------------------------------- HTTP front
    def keyok(self, h, q, level):
        k = hget(h, "x-functions-key") or (urllib.parse.parse_qs(q).get("code") or [None])[0]
        return k == self.a.master_key or (level == "function" and k == self.a.function_key)

    async def client(self, r, w):
        try:
            while await self.one_request(r, w): pass
        except (asyncio.IncompleteReadError, ConnectionError, Abort, asyncio.LimitOverrunError, asyncio.TimeoutError):
            pass
        finally:
            w.close()

    async def simple(self, w, st, body=b"", ct=None, extra=()):
        h = [f"HTTP/1.1 {st} {REASON.get(st, '')}", f"Content-Length: {len(body)}", f"Date: {formatdate(usegmt=True)}", "Server: Kestrel"] + list(extra)
        if ct: h.append(f"Content-Type: {ct}")
        w.write(("\r\n".join(h) + "\r\n\r\n").encode() + body); await w.drain()

    async def one_request(self, r, w):
        line, h = await read_head(r)
        try: method, target, ver = line.split(" ")
        except ValueError:
            await self.simple(w, 400); return False
        keep = ver == "HTTP/1.1" and "close" not in (hget(h, "Connection") or "").lower()
        path, _, query = target.partition("?")
        if path.startswith("http://"): path = "/" + path.split("/", 3)[3]
        # Kestrel: decode everything but %2F, then remove dot segments
        dec = b""
        i, rawp = 0, path.encode("latin-1")
        while i < len(rawp):
            if rawp[i:i + 1] == b"%" and re.fullmatch(rb"[0-9a-fA-F]{2}", rawp[i + 1:i + 3]) and rawp[i + 1:i + 3].lower() != b"2f":
                c = bytes([int(rawp[i + 1:i + 3], 16)])
                if c == b"\0":
                    await self.simple(w, 400); return False
                dec += c; i += 3
            else: dec += rawp[i:i + 1]; i += 1
        dpath = dec.decode("utf-8", "replace")
        segs = []
        for s in dpath.split("/")[1:]:
            if s == "..": segs = segs[:-1]
            elif s != ".": segs.append(s)
        if dpath.endswith(("/.", "/..")): segs.append("")
        dpath = "/" + "/".join(segs)
        cl = hget(h, "Content-Length")
        if "100-continue" in (hget(h, "Expect") or ""): w.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if cl and int(cl) > self.max_body:
            await self.simple(w, 500); return False
        if dpath.lower().startswith("/admin/") and await self.admin(r, w, method, dpath, query, h): return keep
        for f in self.functions:
            if f["type"] != "httptrigger" or (f["methods"] and method.upper() not in f["methods"]): continue
            v = f["route"].match(dpath)
            if v is None: continue
            if f["auth"] != "anonymous" and not self.keyok(h, query, f["auth"]):
                await self.drain(r, h); await self.simple(w, 401); return keep
            return await self.http_invoke(f, v, r, w, method, path, dpath, query, h) and keep
        await self.drain(r, h)
        if dpath == "/" and self.env.get("AzureWebJobsDisableHomepage", "").lower() != "true":
            await self.simple(w, 200, b"<!DOCTYPE html><html><head><title>Your Azure Function App is up and running.</title></head></html>", "text/html")
        else:
            await self.simple(w, 204 if dpath == "/" else 404)
        return keep

    async def drain(self, r, h):
        async for _ in body_chunks(r, h, 30): pass

    async def admin(self, r, w, method, path, query, h):
        p = path.strip("/").split("/")
        known = p[1:2] in (["host"], ["functions"], ["driver"])
        if not known: return False
        body = b"".join([c async for c in body_chunks(r, h, 30)])
        if not self.keyok(h, query, "admin"):
            await self.simple(w, 401, extra=["WWW-Authenticate: Bearer"]); return True
        js = lambda o, st=200: self.simple(w, st, json.dumps(o, default=str).encode(), "application/json; charset=utf-8")
        if p[1:] == ["host", "status"]:
            await js({"id": "driver", "state": "Running" if self.ready.is_set() else "Starting", "version": HOST_VERSION, "driver": True})
        elif p[1:] == ["driver", "log"]: await js(self.history)
        elif p[1:] == ["driver", "deadletter"]: await js(self.dead)
        elif p[1:] == ["driver", "clear"]: self.history.clear(); self.dead.clear(); await js({})
        elif p[1] == "functions" and len(p) == 2: await js([{"name": f["name"], "config": f["json"]} for f in self.functions])
        elif p[1] == "functions" and method == "POST":
            f = next((x for x in self.functions if x["name"].lower() == p[2].lower()), None)
            if not f: await self.simple(w, 404)
            else:
                try: o = json.loads(body or b"null")
                except ValueError: o = None
                if not isinstance(o, dict): await self.simple(w, 400)
                elif "wait=1" in query: await js(await self.admin_invoke(f, o))
                else:
                    asyncio.ensure_future(self.admin_invoke(f, o)); await self.simple(w, 202)
        else: await self.simple(w, 404)
        return True

    async def http_invoke(self, f, vals, r, w, method, path, dpath, query, h):
        iid = str(uuid.uuid4())
        rec = {"function": f["name"], "id": iid, "reason": f"{method} {path}", "at": now7()}
        self.history.append(rec)
        try: await asyncio.wait_for(self.ready.wait(), self.init_timeout * 4)
        except asyncio.TimeoutError:
            await self.simple(w, 503); return False
        try:
            if f["simple"] and self.proxying: return await self.proxy(f, r, w, method, path, dpath, query, h, iid, rec)
            if f["simple"] and self.forwarding: return await self.forward(f, r, w, method, dpath, path, query, h, iid, rec)
            return await self.payload_http(f, vals, r, w, method, dpath, query, h, iid, rec)
        finally:
            if not self.a.quiet: log(f"{method} {path} -> {f['name']} {rec.get('status')}")

    @staticmethod
    def yarp_path(d):
        ok = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/")
        return "".join(c if c in ok else "".join(f"%{b:02X}" for b in c.encode()) for c in d)      # note: %2F -> %252F, as the host does

    async def connect(self):
        d = 0.05
        for n in range(10):            # RetryProxyHandler: 10 attempts, 50..250 ms
            try: return await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                if n == 9: return None
                await asyncio.sleep(d); d = min(d * 2, 0.25)

    async def proxy(self, f, r, w, method, path, dpath, query, h, iid, rec):
        c = await self.connect()
        if not c:
            rec["status"] = 500; await self.drain(r, h); await self.simple(w, 500); return True
        ur, uw = c
        T = self.a.activity_timeout
        up = (hget(h, "Upgrade") or "") if "upgrade" in (hget(h, "Connection") or "").lower() else ""
        drop = HOP | {"host", "x-azure-functions-hostversion", "x-azure-functions-invocationid", "x-ms-invocation-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "forwarded"}
        out = [f"{method} {self.yarp_path(dpath)}{'?' + query if query else ''} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        out += [f"{k}: {v}" for k, v in h if k.lower() not in drop]
        out += [f"X-Azure-Functions-HostVersion: {HOST_VERSION}", f"X-Azure-Functions-InvocationId: {iid}", f"x-ms-invocation-id: {iid}",
                f"X-Forwarded-For: {w.get_extra_info('peername')[0]}", f"X-Forwarded-Host: {hget(h, 'Host') or ''}", f"X-Forwarded-Proto: {self.a.scheme}"]
        chunked = "chunked" in (hget(h, "Transfer-Encoding") or "").lower()
        if chunked: out.append("Transfer-Encoding: chunked")
        if method.upper() == "TRACE" and not hget(h, "Content-Length"): out.append("Content-Length: 0")
        if up: out += ["Connection: Upgrade", f"Upgrade: {up}"]
        uw.write(("\r\n".join(out) + "\r\n\r\n").encode("latin-1"))

        async def upload():
            n = 0
            async for b in body_chunks(r, h, T):
                n += len(b)
                if n > self.max_body: raise Abort("body too large")
                uw.write(b"%x\r\n" % len(b) + b + b"\r\n" if chunked else b); await uw.drain()
            if chunked: uw.write(b"0\r\n\r\n"); await uw.drain()
        upl = asyncio.ensure_future(upload())
        gone = None
        started = False
        try:
            while True:
                rl = asyncio.ensure_future(read_head(ur))
                await asyncio.wait({rl, upl}, return_when=asyncio.FIRST_COMPLETED, timeout=T)
                if not rl.done() and upl.done() and upl.exception(): raise upl.exception()
                if not rl.done() and upl.done() and not up and gone is None: gone = asyncio.ensure_future(client_gone(r))
                if not rl.done():
                    await asyncio.wait({rl} | ({gone} if gone and not gone.done() else set()), timeout=min(T, self.func_timeout), return_when=asyncio.FIRST_COMPLETED)
                    if gone and gone.done() and gone.result() and not rl.done():
                        rl.cancel(); rec["status"] = "client gone"; return False
                    if not rl.done() and gone and gone.done(): await asyncio.wait({rl}, timeout=min(T, self.func_timeout))
                    if not rl.done():
                        rl.cancel(); raise asyncio.TimeoutError
                line, hd = rl.result()
                st = int(line.split(" ")[1])
                if st == 101 or st >= 200: break
            rec["status"] = st
            nobody = method.upper() == "HEAD" or st in (204, 304)
            clen = hget(hd, "Content-Length")
            o = [f"HTTP/1.1 {st} {line.split(' ', 2)[2] if line.count(' ') > 1 else ''}"] + [f"{k}: {v}" for k, v in hd if k.lower() not in HOP]
            if st == 101:
                o += ["Connection: Upgrade", f"Upgrade: {hget(hd, 'Upgrade')}"]
                w.write(("\r\n".join(o) + "\r\n\r\n").encode("latin-1"))

                async def pipe(a, b):
                    while True:
                        d = await a.read(65536)
                        if not d: break
                        b.write(d); await b.drain()
                await asyncio.wait({asyncio.ensure_future(pipe(ur, w)), asyncio.ensure_future(pipe(r, uw))}, return_when=asyncio.FIRST_COMPLETED)
                return False
            if not hget(hd, "Date"): o.append(f"Date: {formatdate(usegmt=True)}")
            if not hget(hd, "Server"): o.append("Server: Kestrel")
            if not nobody and clen is None: o.append("Transfer-Encoding: chunked")
            w.write(("\r\n".join(o) + "\r\n\r\n").encode("latin-1")); await w.drain(); started = True
            if not nobody:
                gen = body_chunks(ur, hd, T, until_eof=True)
                if gone is None and upl.done(): gone = asyncio.ensure_future(client_gone(r))
                while True:
                    nx = asyncio.ensure_future(gen.__anext__())
                    await asyncio.wait({nx} | ({gone} if gone and not gone.done() else set()), return_when=asyncio.FIRST_COMPLETED)
                    if gone and gone.done() and gone.result() and not nx.done():
                        nx.cancel(); rec["status"] = "client gone"; return False
                    try: b = await nx
                    except StopAsyncIteration: break
                    w.write(b if clen is not None else b"%x\r\n" % len(b) + b + b"\r\n"); await w.drain()
                if clen is None: w.write(b"0\r\n\r\n"); await w.drain()
            if not upl.done(): await asyncio.wait({upl}, timeout=5)
            return upl.done() and not upl.cancelled() and not upl.exception()
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError, Abort) as e:
            rec["error"] = repr(e)
            if not started:
                rec["status"] = 500; await self.simple(w, 500)
            return False
        finally:
            uw.close()
            if not upl.done(): upl.cancel()
            if gone and not gone.done():
                gone.cancel()
                try: await gone
                except asyncio.CancelledError: pass

    async def forward(self, f, r, w, method, dpath, path, query, h, iid, rec):
        """enableForwardingHttpRequest: buffered both ways; client's Host, X-Forwarded-* and invocation-id headers pass through."""
        body = b"".join([c async for c in body_chunks(r, h, 60)])
        if "chunked" in (hget(h, "Transfer-Encoding") or "").lower():        # the host cannot forward a chunked body: 500
            rec["status"] = 500; await self.simple(w, 500); return True
        merged = {}
        for k, v in urllib.parse.parse_qsl(query, keep_blank_values=True): merged[k] = merged[k] + "," + v if k in merged else v
        q = urllib.parse.urlencode(merged, quote_via=urllib.parse.quote)
        out = [f"{method} {path}{'?' + q if q else ''} HTTP/1.1"]
        seen = False
        for k, v in h:
            if k.lower() in (HOP - {"connection", "keep-alive", "te"}) | {"expect", "content-length"}: continue
            if k.lower() == "user-agent": v, seen = f"{v} Azure-Functions-Host/{HOST_VERSION}", True
            if k.lower() == "x-azure-functions-invocationid": v = f"{v}, {iid}"
            if k.lower() == "x-azure-functions-hostversion": v = f"{v}, {HOST_VERSION}"
            out.append(f"{k}: {v}")
        if not hget(h, "X-Azure-Functions-HostVersion"): out.append(f"X-Azure-Functions-HostVersion: {HOST_VERSION}")
        if not hget(h, "X-Azure-Functions-InvocationId"): out.append(f"X-Azure-Functions-InvocationId: {iid}")
        if not seen: out.append(f"User-Agent: Azure-Functions-Host/{HOST_VERSION}")
        if body: out.append(f"Content-Length: {len(body)}")
        try:
            ur, uw = await asyncio.open_connection("127.0.0.1", self.port)
            uw.write(("\r\n".join(out) + "\r\n\r\n").encode("latin-1") + body); await uw.drain()
            line, hd = await asyncio.wait_for(read_head(ur), self.func_timeout)
            st = int(line.split(" ")[1])
            b = b"" if method == "HEAD" or st in (204, 304) else b"".join([c async for c in body_chunks(ur, hd, self.func_timeout, until_eof=True)])
            uw.close()
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, Abort):
            rec["status"] = 500; await self.simple(w, 500); return False
        rec["status"] = st
        o = [f"HTTP/1.1 {st} {REASON.get(st, '')}"] + [f"{k}: {v}" for k, v in hd if k.lower() not in HOP | {"content-length"}] + [f"Content-Length: {len(b)}"]
        w.write(("\r\n".join(o) + "\r\n\r\n").encode("latin-1") + b); await w.drain()
        return True

    async def payload_http(self, f, vals, r, w, method, dpath, query, h, iid, rec):
        body = b"".join([c async for c in body_chunks(r, h, 60)])
        if not hget(h, "Content-Length"): body = b""        # the host drops a chunked body in this mode
        hd = {}
        for k, v in h: hd.setdefault("-".join(x.capitalize() for x in k.split("-")), []).append(v)
        q = {k: ",".join(v) for k, v in urllib.parse.parse_qs(query, keep_blank_values=True).items()}
        req = {"Url": f"{self.a.scheme}://{hget(h, 'Host')}{dpath}{'?' + query if query else ''}", "Method": method, "Query": q, "Headers": hd, "Params": vals,
               "Identities": [{"AuthenticationType": None, "IsAuthenticated": False, "Actor": None, "BootstrapContext": None, "Claims": [], "Label": None, "Name": None,
                               "NameClaimType": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "RoleClaimType": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}]}
        if body:
            ct = (hget(h, "Content-Type") or "").lower()
            req["Body"] = base64.b64encode(body).decode() if "octet-stream" in ct or "multipart" in ct else body.decode("utf-8", "replace")
        md = {"Query": q, "Headers": {k: v[-1] for k, v in hd.items()}, **{k: v for k, v in q.items()}, **{k: v for k, v in vals.items() if v is not None}}
        rec2 = await self.invoke(f, build(f["name"], {"name": f["trigger"]["name"]}, req, md), rec["reason"], iid)
        if not rec2["succeeded"]:
            rec["status"] = 500; await self.simple(w, 500); return True
        res = None
        for o in f["outs"]:
            if o["type"].lower() == "http": res = rec2.get("returnValue") if o["name"] == "$return" else ci(rec2.get("outputs") or {}, o["name"])
        if not isinstance(res, dict):
            rec["status"] = 204; await self.simple(w, 204); return True
        st = int(ci(res, "statusCode") or ci(res, "status") or 200)
        b = ci(res, "body")
        raw = b"" if b is None else b.encode() if isinstance(b, str) else json.dumps(b).encode()
        hs = [f"{k}: {v}" for k, v in (ci(res, "headers") or {}).items() if k.lower() != "content-length"]
        ct = None if any(x.lower().startswith("content-type") for x in hs) else ("text/plain; charset=utf-8" if isinstance(b, str) else "application/json; charset=utf-8")
        rec["status"] = st
        await self.simple(w, st, raw, ct, hs)
        return True

    # ---------------------------------------------------------------- main
    async def run(self):
        log(f"{len(self.functions)} functions; HTTP mode: {'proxying' if self.proxying else 'forwarding' if self.forwarding else 'payload'}; routePrefix '{self.prefix}'")
        for f in self.functions:
            log(" ", f["name"], f["type"], ("/" + f["route"].template + " [" + (",".join(f["methods"]).lower() or "all") + "] " + f["auth"]) if "route" in f else "")
        catch = [f for f in self.functions if f["type"] == "httptrigger" and f["simple"] and (self.proxying or self.forwarding)]
        for g in self.functions:
            if g["type"] != "httptrigger" and any(f["route"].match("/" + g["name"]) is not None for f in catch):
                log(f"WARNING outside HTTP callers can reach the handler path '/{g['name']}' of {g['type']} '{g['name']}' through an HTTP function")
        if any(f["type"] in ("queuetrigger", "servicebustrigger") for f in self.functions) and not ci(self.host, "extensionBundle"):
            log("WARNING host.json has no extensionBundle: the real host cannot load queueTrigger/serviceBusTrigger")
        front = socket.create_server((self.a.address, self.a.port))     # --port 0: any free port, named in the last line below
        self.a.port = front.getsockname()[1]
        await self.start_handler()
        srv = await asyncio.start_server(self.client, sock=front, limit=1 << 20)
        log(f"listening on http://{self.a.address}:{self.a.port}")
        for f in self.functions:
            if f["type"] == "timertrigger" and not self.a.no_timers: asyncio.ensure_future(self.timers(f))
            if f["type"] == "queuetrigger" and not self.a.no_queues: asyncio.ensure_future(self.queues(f))
        stop = asyncio.Event()
        for s in (signal.SIGTERM, signal.SIGINT): asyncio.get_running_loop().add_signal_handler(s, stop.set)
        await stop.wait()
        self.stopping = True; self.kill(); srv.close()


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("appdir"); ap.add_argument("--port", type=int, default=7071, help="0: any free port"); ap.add_argument("--address", default="127.0.0.1")
    ap.add_argument("--handler", help="run this command instead of host.json's (working directory = APPDIR)")
    ap.add_argument("--storage", default=os.environ.get("AzureWebJobsStorage"), help="connection string for queues")
    ap.add_argument("--master-key", default="local-master-key"); ap.add_argument("--function-key", default="local-function-key")
    ap.add_argument("--scheme", default="http", help="scheme reported in X-Forwarded-Proto (Azure: https)")
    ap.add_argument("--activity-timeout", type=float, default=240); ap.add_argument("--hang-after", type=float, help="fail trigger calls after this many seconds instead of functionTimeout")
    ap.add_argument("--max-errors", type=int, default=3, help="give up after so many errors of the handler in 30 minutes; the host: 3")
    ap.add_argument("--no-timers", action="store_true"); ap.add_argument("--no-queues", action="store_true"); ap.add_argument("--quiet", action="store_true")

    async def main(a):
        await Driver(a).run()
    asyncio.run(main(ap.parse_args()))
