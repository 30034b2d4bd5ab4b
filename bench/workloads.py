#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""workloads.py FOLDER [--small] [NAME...]: writes workloads into FOLDER, each a folder with policy.rego, query.txt, data.json, requests.ndjson,
expected.ndjson and, where Cedar or Casbin can say it, the same for these. Seeds are fixed. What is expected is computed here, by
plain loops over the same facts, never by an engine. A number behind the last '-' of a name is its size, such as gdrive-50."""
import json
import os
import random
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
N = 1000


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def lines(values):
    return "".join(compact(v) + "\n" for v in values)


def uid(text):
    kind, name = text.split("::", 1)
    return {"type": kind, "id": json.loads(name)}


def ref(text):
    return {"__entity": uid(text)}


def entity(text, parents=(), **attributes):
    return {"uid": uid(text), "attrs": attributes, "parents": [uid(p) for p in parents]}


def reach(graph, start):
    seen, waiting = set(), [s for s in start]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += graph.get(node, [])
    return seen


def write(folder, name, query, data, requests, expected, cedar=None, files=None):
    here = os.path.join(folder, name)
    os.makedirs(here, exist_ok=True)
    base = name if os.path.exists(os.path.join(HERE, "policies", name + ".rego")) else name.rsplit("-", 1)[0]
    shutil.copy(os.path.join(HERE, "policies", base + ".rego"), os.path.join(here, "policy.rego"))
    texts = {"query.txt": query + "\n", "data.json": compact(data), "requests.ndjson": lines(requests), "expected.ndjson": lines(expected)}
    if cedar:
        entities, asked, policy = cedar
        texts["entities.cedar.json"] = json.dumps(entities)
        texts["requests.cedar.ndjson"] = lines(asked)
        if policy:
            texts["policy.cedar"] = policy
        else:
            shutil.copy(os.path.join(HERE, "policies", base + ".cedar"), os.path.join(here, "policy.cedar"))
    for file, text in {**texts, **(files or {})}.items():
        with open(os.path.join(here, file), "w", encoding="utf-8") as out:
            out.write(text)


def links(rand, sources, targets, share):
    return {s: [t for t in targets if t != s and rand.random() < share] for s in sources}


def gdrive(folder, name, size):
    rand, share = random.Random(11), 1.25 / size
    users, groups = [f'User::"u{i}"' for i in range(size)], [f"g{i}" for i in range(size)]
    documents, folders = [f'Document::"d{i}"' for i in range(size)], [f'Folder::"f{i}"' for i in range(size)]
    user_views, group_views = [f'View::"u{i}"' for i in range(size)], [f'View::"{g}"' for g in groups]
    parents = links(rand, documents, folders + user_views + group_views, share)
    for i, f in enumerate(folders):
        parents[f] = [p for p in folders[:i] + user_views + group_views if rand.random() < share]
    parents |= links(rand, group_views, user_views, share) | {v: [] for v in user_views}
    public = {d: rand.random() < 0.3 for d in documents}
    data = {"parents": parents, "public": public, "users": {u: {
        "view": user_views[i], "ownedDocuments": [d for d in documents if rand.random() < share],
        "ownedFolders": [f for f in folders if rand.random() < share]} for i, u in enumerate(users)}}
    requests, expected = [], []
    for _ in range(N):
        action = rand.choice(["read", "read", "write", "share", "changeOwner", "createDocument"])
        resource, user = rand.choice(folders if action == "createDocument" else documents), rand.choice(users)
        who, around = data["users"][user], reach(parents, [resource])
        answer = {"read": public.get(resource) or who["view"] in around, "createDocument": resource in who["ownedFolders"]}.get(action, False)
        answer = answer or (action in ("read", "write", "share", "changeOwner") and resource in who["ownedDocuments"])
        answer = answer or (action in ("read", "write", "share") and any(f in around for f in who["ownedFolders"]))
        requests.append({"principal": user, "action": f'Action::"{action}"', "resource": resource})
        expected.append(bool(answer))
    entities = [entity(u, view=ref(w["view"]), ownedDocuments=[ref(d) for d in w["ownedDocuments"]],
                       ownedFolders=[ref(f) for f in w["ownedFolders"]]) for u, w in data["users"].items()]
    entities += [entity(t, p, **({"public": public[t]} if t in public else {})) for t, p in parents.items()]
    write(folder, name, "data.gdrive.allow", data, requests, expected, (entities, [{**r, "context": {}} for r in requests], None))


def github(folder, name, size):
    rand, share = random.Random(12), 1.25 / size
    levels = ["read", "triage", "write", "maintain", "admin"]
    users, teams, owners, repos = ([f'{kind}::"{kind[0].lower()}{i}"' for i in range(size)]
                                   for kind in ("User", "Team", "Organization", "Repository"))
    held = {r: {a: f'Permission::"{r[12:].strip(chr(34))} {a}"' for a in levels} for r in repos}
    of_owner = {o: {a: f'Permission::"{o[14:].strip(chr(34))} {a}"' for a in ("read", "write", "admin")} for o in owners}
    on_repos, on_owners = [p for h in held.values() for p in h.values()], [p for h in of_owner.values() for p in h.values()]
    orgs = {u: [t for t in teams + owners if rand.random() < share] + [p for p in on_repos if rand.random() < share / 4] for u in users}
    orgs |= {t: [x for x in teams[:i] if rand.random() < share] + [p for p in on_repos if rand.random() < share / 4] for i, t in enumerate(teams)}
    orgs |= {o: [p for p in on_owners if rand.random() < share] for o in owners}
    orgs |= {p: [] for p in on_repos + on_owners}
    owner = {r: rand.choice(owners) for r in repos}
    data = {"orgs": orgs, "owners": {o: {f'Action::"{a}"': p for a, p in h.items()} for o, h in of_owner.items()},
            "repos": {r: {**{f'Action::"{a}"': p for a, p in held[r].items()}, "owner": owner[r]} for r in repos}}
    requests, expected = [], []
    for _ in range(N):
        user, repo, action = rand.choice(users), rand.choice(repos), rand.choice(levels)
        groups, enough = reach(orgs, [user]), levels[levels.index(action):]
        expected.append(any(held[repo][a] in groups or of_owner[owner[repo]].get(a) in groups for a in enough))
        requests.append({"principal": user, "action": f'Action::"{action}"', "resource": repo})
    entities = [entity(f'Action::"{a}"', [f'Action::"{b}"' for b in levels[i + 1:i + 2]]) for i, a in enumerate(levels)]
    entities += [entity(n, p, **{a: ref(x) for a, x in of_owner.get(n, {}).items()}) for n, p in orgs.items()]
    entities += [entity(r, owner=ref(owner[r]), **{a: ref(p) for a, p in held[r].items()}) for r in repos]
    write(folder, name, "data.github.allow", data, requests, expected, (entities, [{**r, "context": {}} for r in requests], None))


def tinytodo(folder, name, size):
    rand, share = random.Random(13), 1.25 / size
    app = 'Application::"TinyTodo"'
    users, teams = [f'User::"u{i}"' for i in range(size)], [f'Team::"t{i}"' for i in range(size)]
    groups = {u: [t for t in teams if rand.random() < share] + [app] for u in users}
    groups |= {t: [x for x in teams[:i] if rand.random() < share] + [app] for i, t in enumerate(teams)} | {app: []}
    lists = {f'List::"l{i}"': {"owner": rand.choice(users), "readers": rand.choice(teams), "editors": rand.choice(teams), "name": f"list {i}",
                               "tasks": [{"id": rand.randrange(1000000), "name": f"task {j}", "done": rand.random() < 0.5}
                                         for j in range(rand.randrange(50))]} for i in range(size)}
    writes = ["UpdateList", "CreateTask", "UpdateTask", "DeleteTask"]
    requests, expected = [], []
    for _ in range(N):
        action, user = rand.choice(writes + ["GetList", "GetList", "DeleteList", "CreateList", "GetLists"]), rand.choice(users)
        resource = app if action in ("CreateList", "GetLists") else rand.choice(list(lists))
        one, held = lists.get(resource, {}), reach(groups, [user])
        answer = resource == app or one["owner"] == user or (action in writes + ["GetList"] and one["editors"] in held)
        expected.append(answer or (action == "GetList" and one["readers"] in held))
        requests.append({"principal": user, "action": f'Action::"{action}"', "resource": resource})
    entities = [entity(g, p) for g, p in groups.items()]
    entities += [entity(n, owner=ref(v["owner"]), readers=ref(v["readers"]), editors=ref(v["editors"]), name=v["name"], tasks=v["tasks"])
                 for n, v in lists.items()]
    write(folder, name, "data.tinytodo.allow", {"groups": groups, "lists": lists}, requests, expected,
          (entities, [{**r, "context": {}} for r in requests], None))


def rbac(folder, name, size):
    rand = random.Random(14)
    types, actions, level = [f"type{i}" for i in range(40)], [f"act{i}" for i in range(20)], max(1, size // 6)
    names = [f"role-{i:04}" for i in range(size)]
    parents = {n: sorted({names[rand.randrange(i - level, i)] for _ in range(rand.randrange(1, 3))}) if i >= level else []
               for i, n in enumerate(names)}
    grants = {n: sorted({(rand.choice(actions), rand.choice(types)) for _ in range(10)}) for n in names}
    bindings = {f"user-{i:05}": sorted(rand.sample(names, min(size, rand.randrange(1, 6)))) for i in range(size * 4)}
    requests, expected = [], []
    for i in range(N):
        user = rand.choice(list(bindings)) if i % 20 else "nobody"
        has = {g for role in reach(parents, bindings.get(user, [])) for g in grants[role]}
        action, kind = rand.choice(sorted(has)) if i % 2 and has else (rand.choice(actions), rand.choice(types))
        requests.append({"user": user, "action": action, "resource": {"type": kind, "id": f"r-{i}"}})
        expected.append((action, kind) in has)
    data = {"bindings": bindings, "role_parents": parents,
            "role_grants": {n: [{"action": a, "type": t} for a, t in g] for n, g in grants.items()}}
    entities = [entity(f'Role::"{n}"', [f'Role::"{p}"' for p in parents[n]] + [f'Permission::"{a}:{t}"' for a, t in grants[n]]) for n in names]
    entities += [entity(f'User::"{u}"', [f'Role::"{r}"' for r in held]) for u, held in bindings.items()]
    entities += [entity(f'Permission::"{a}:{t}"') for a, t in sorted({g for list_ in grants.values() for g in list_})]
    asked = [{"principal": f'User::"{r["user"]}"', "action": f'Action::"{r["action"]}"', "resource": f'Type::"{r["resource"]["type"]}"',
              "context": {"permission": ref(f'Permission::"{r["action"]}:{r["resource"]["type"]}"')}} for r in requests]
    rows = [f"p, {n}, {t}, {a}" for n, g in grants.items() for a, t in g]
    rows += [f"g, {n}, {p}" for n, above in parents.items() for p in above] + [f"g, {u}, {r}" for u, held in bindings.items() for r in held]
    with open(os.path.join(HERE, "policies", "casbin-model.conf"), encoding="utf-8") as model:
        files = {"casbin-model.conf": model.read(), "casbin-policy.csv": "\n".join(rows) + "\n"}
    write(folder, name, "data.rbac.allow", data, requests, expected, (entities, asked, None), files)


def acl(folder, name, size):
    rand = random.Random(15)
    methods, groups = ["GET", "POST", "PUT", "PATCH", "DELETE"], [f"g-{i:02}" for i in range(40)]
    words = ["orders", "users", "files", "jobs", "keys", "events", "audit", "items"]
    rules = [{"id": i, "effect": "deny" if rand.random() < 0.1 else "allow", "methods": sorted(rand.sample(methods, rand.randrange(1, 5))),
              "groups": sorted(rand.sample(groups, rand.randrange(1, 6))),
              "prefix": f"/svc-{rand.randrange(max(1, size // 20)):03}/v{rand.randrange(1, 3)}/" +
                        "".join(w + "/" for w in rand.sample(words, rand.randrange(0, 3)))} for i in range(size)]
    requests, expected = [], []
    for i in range(N):
        rule = rand.choice(rules)
        held = set(rand.sample(groups, rand.randrange(1, 7))) | ({rand.choice(rule["groups"])} if i % 2 else set())
        r = {"user": f"u-{i}", "groups": sorted(held), "method": rand.choice(rule["methods"] if i % 2 else methods),
             "path": rule["prefix"] + "/".join(rand.sample(words, 2))}
        fits = [x["effect"] for x in rules if r["method"] in x["methods"] and r["path"].startswith(x["prefix"]) and held & set(x["groups"])]
        requests.append(r)
        expected.append("allow" in fits and "deny" not in fits)
    if name == "http-acl-linear":
        policy = "".join(f'{"permit" if x["effect"] == "allow" else "forbid"} (principal, action in '
                         f'[{", ".join(f"""Action::"{m}" """.strip() for m in x["methods"])}], resource) when {{ '
                         f'context.path like "{x["prefix"]}*" && context.groups.containsAny({json.dumps(x["groups"])}) }};\n' for x in rules)
        asked = [{"principal": f'User::"{r["user"]}"', "action": f'Action::"{r["method"]}"', "resource": 'Path::"p"',
                  "context": {"path": r["path"], "groups": r["groups"]}} for r in requests]
        return write(folder, name, "data.acl.allow", {"rules": rules}, requests, expected, ([], asked, policy))
    by = {"allow": {}, "deny": {}}
    for x in rules:
        by[x["effect"]].setdefault(x["prefix"].split("/")[1], []).append(x)
    return write(folder, name, "data.acl.allow", {"allow_rules": by["allow"], "deny_rules": by["deny"]}, requests, expected)


GRANTS = {"viewer": "read list", "clerk": "read list create update", "manager": "read list create update approve cancel",
          "finance": "read list refund approve", "auditor": "read list audit", "incident-responder": "read",
          "admin": "read list create update approve cancel delete refund audit"}
ROUTES = [("GET", "orders", "list", "orders:read"), ("POST", "orders", "create", "orders:write"), ("GET", "orders/{id}", "read", "orders:read"),
          ("PUT", "orders/{id}", "update", "orders:write"), ("PATCH", "orders/{id}", "update", "orders:write"),
          ("DELETE", "orders/{id}", "delete", "orders:delete"), ("POST", "orders/{id}/approve", "approve", "orders:approve"),
          ("POST", "orders/{id}/cancel", "cancel", "orders:write"), ("GET", "orders/{id}/items", "list", "orders:read"),
          ("POST", "orders/{id}/items", "update", "orders:write"), ("GET", "orders/{id}/items/{item}", "read", "orders:read"),
          ("DELETE", "orders/{id}/items/{item}", "update", "orders:write"), ("POST", "orders/{id}/refund", "refund", "payments:refund"),
          ("GET", "orders/{id}/audit", "audit", "audit:read"), ("GET", "customers/{id}/orders", "list", "orders:read"),
          ("GET", "customers/{id}/orders/{order}", "read", "orders:read")]
AMOUNTS = {"viewer": 0, "clerk": 1000, "manager": 50000, "finance": 250000, "auditor": 0, "admin": 1000000, "incident-responder": 0}


def zero_trust_answer(r, data, route):
    token, cert, resource, glass = r["token"], r["cert"], r["resource"], r.get("break_glass")
    tenant = data["tenants"].get(resource["tenant"], {})
    audiences = token["aud"] if isinstance(token["aud"], list) else [token["aud"]]
    proven = (any(cert["spiffe_id"].startswith(f"spiffe://{d}/") for d in data["trust_domains"])
              and token["cnf"]["x5t#S256"] == cert["fingerprint"] and cert["fingerprint"] not in data["revoked_fingerprints"]
              and token["iss"] in data["issuers"] and token["nbf"] <= r["now"] < token["exp"] and data["audience"] in audiences
              and token["tenant_id"] == resource["tenant"] and not tenant.get("suspended"))
    if not proven:
        return False
    if glass and "incident-responder" in token["roles"] and glass["ticket"].startswith("INC-") and \
            glass["approved_by"] != token["sub"] and r["now"] < glass["until"]:
        return True
    if not route or route[3] not in token["scope"].split(" "):
        return False
    action, owner = route[2], resource["owner"] == token["sub"]
    entitled = any(action in GRANTS[x].split() for x in token["roles"]) or (owner and action in data["owner_actions"])
    over = action in data["amount_limited"] and resource["amount"] > max((AMOUNTS[x] for x in token["roles"]), default=10 ** 9)
    return entitled and not over and not (action == "approve" and owner) and not (tenant.get("read_only") and action not in ("read", "list"))


def zero_trust(folder, name, size):
    rand = random.Random(16)
    code = lambda n: "".join(rand.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") for _ in range(n))
    data = {"trust_domains": ["prod.example.org", "edge.example.org", "partners.example.org"], "audience": "orders-api",
            "issuers": ["https://id.example.org", "https://partners.example.org"], "revoked_fingerprints": [code(43) for _ in range(50)],
            "routes": [{"method": m, "segments": ["v1"] + p.split("/"), "action": a, "scope": s} for m, p, a, s in ROUTES],
            "role_grants": {k: v.split() for k, v in GRANTS.items()}, "amount_limits": AMOUNTS,
            "owner_actions": ["read", "update", "cancel", "approve"], "amount_limited": ["create", "approve", "refund"],
            "tenants": {f"t-{i:03}": {"suspended": i % 25 == 0, "read_only": i % 17 == 3} for i in range(size)}}
    odd = lambda good, bad, share=0.03: bad if rand.random() < share else good
    requests, expected = [], []
    for i in range(N):
        route = rand.choice(ROUTES) if i % 25 else None
        now, tenant, sub, print_ = 1767300000 + rand.randrange(10000), f"t-{rand.randrange(size):03}", f"u-{rand.randrange(2000):05}", code(43)
        roles = rand.sample(list(GRANTS), rand.randrange(1, 4))
        if i % 2 and route:
            roles.append(rand.choice([x for x in GRANTS if route[2] in GRANTS[x].split()]))
        path = "/".join(f"{rand.randrange(10 ** 6)}" if p[0] == "{" else p for p in (route[1] if route else "nothing/here").split("/"))
        scopes = set(rand.sample(sorted({x[3] for x in ROUTES}), 2)) | ({route[3]} if route and i % 10 else set())
        print_ = odd(print_, rand.choice(data["revoked_fingerprints"]))
        r = {"request": {"method": route[0] if route else "GET", "path": f"/v1/{path}", "host": "api.example.org", "trace": code(32)},
             "now": now,
             "cert": {"spiffe_id": f"spiffe://{odd(rand.choice(data['trust_domains']), 'evil.example.net')}/ns/shop/sa/front", "fingerprint": print_,
                      "subject": "CN=front,O=Example"},
             "token": {"iss": odd(rand.choice(data["issuers"]), "https://evil.example.net"), "aud": rand.choice(["orders-api", ["orders-api", "other"]]),
                       "nbf": now - 600, "exp": odd(now + 900, now - 1), "sub": sub, "tenant_id": tenant, "roles": sorted(set(roles)),
                       "scope": " ".join(sorted(scopes)), "cnf": {"x5t#S256": odd(print_, code(43))}, "jti": code(32)},
             "resource": {"type": "order", "id": f"o-{rand.randrange(10 ** 6)}", "tenant": odd(tenant, "t-999"),
                          "owner": odd(f"u-{rand.randrange(2000):05}", sub, 0.3), "amount": rand.choice([5, 100, 900, 5000, 70000, 400000])}}
        if i % 15 == 0:
            r["break_glass"] = {"ticket": odd("INC-7", "CHG-1", 0.3), "approved_by": odd("u-90001", sub, 0.1), "until": odd(now + 60, now - 60, 0.2)}
            r["token"]["roles"] = sorted({*r["token"]["roles"], "incident-responder"})
        requests.append(r)
        expected.append(bool(zero_trust_answer(r, data, route)))
    write(folder, name, "data.zt.allow", data, requests, expected)


def pod_findings(pod, data):
    spec, out = pod["spec"], set()
    every = spec["containers"] + spec["initContainers"]
    if spec["hostNetwork"] and pod["metadata"]["namespace"] not in data["exempt_namespaces"]:
        out.add("pod: hostNetwork")
    out |= {f"pod: no label {x}" for x in data["required_labels"] if x not in pod["metadata"]["labels"]}
    for c in every:
        limits, security, c_name = c["resources"]["limits"], c["securityContext"], c["name"]
        if not any(c["image"].startswith(x) for x in data["allowed_registries"]):
            out.add(f"{c_name}: registry of {c['image']}")
        if c["image"].endswith(":latest"):
            out.add(f"{c_name}: tag latest")
        out |= {f"{c_name}: {v['id']}" for v in data["scans"].get(c["image"], []) if v["score"] >= 7 and v["id"] not in data["accepted_cves"]}
        if security.get("privileged"):
            out.add(f"{c_name}: privileged")
        if not security.get("runAsNonRoot"):
            out.add(f"{c_name}: root")
        out |= {f"{c_name}: capability {x}" for x in security.get("capabilities", {}).get("add", []) if x not in data["allowed_capabilities"]}
        memory = limits.get("memory", "0Mi")
        if int(memory[:-2]) * {"Mi": 1, "Gi": 1024}[memory[-2:]] > data["max_memory_mi"]:
            out.add(f"{c_name}: memory {memory}")
        out |= {f"{c_name}: no {kind} limit" for kind in ("cpu", "memory") if kind not in limits}
    return out


def k8s(folder, name, size):
    rand = random.Random(17)
    ours = ["registry.example.org/platform/", "registry.example.org/apps/", "mirror.example.org/"]
    images = [f"{rand.choice(ours) if i % 20 else 'docker.example.com/'}svc-{i:03}:{'latest' if i % 40 == 7 else f'1.{i}'}" for i in range(size)]
    cves = [f"CVE-{2019 + i % 7}-{1000 + i}" for i in range(size)]
    data = {"allowed_registries": ours, "allowed_capabilities": ["NET_BIND_SERVICE", "CHOWN"], "exempt_namespaces": ["kube-system", "monitoring"],
            "required_labels": ["app", "team"], "max_memory_mi": 4096, "accepted_cves": cves[:size // 4],
            "scans": {i: [{"id": rand.choice(cves), "score": rand.choice([2.5, 3.7, 4.9, 5.5, 6.9, odd])} for _ in range(rand.randrange(5))]
                      for i, odd in zip(images, [9.1 if n % 8 == 0 else 1.1 for n in range(size)])}}
    requests, expected = [], []

    def container(i, wild):
        return {"name": f"c{i:02}", "image": rand.choice(images if wild else [x for x in images[1:7]]),
                "resources": {"limits": {"cpu": "250m", "memory": rand.choice(["64Mi", "512Mi", "1Gi", "8Gi" if wild else "2Gi"])} if not wild or rand.random() < 0.95 else {"cpu": "1"}},
                "securityContext": {"runAsNonRoot": not wild or rand.random() < 0.95, **({"privileged": True} if wild and rand.random() < 0.03 else {}),
                                    **({"capabilities": {"add": [rand.choice(["CHOWN", "SYS_ADMIN" if wild else "CHOWN"])]}} if rand.random() < 0.1 else {})}}
    data["scans"] |= {i: [{"id": "CVE-2020-1", "score": 3.1}] for i in images[1:7]}
    for i in range(N):
        wild = i % 2 == 0
        pod = {"metadata": {"name": f"pod-{i}", "namespace": rand.choice(["shop", "kube-system"]), "labels": {"app": "a", **({} if wild and i % 6 == 0 else {"team": "t"})}},
               "spec": {"containers": [container(j, wild) for j in range(rand.randrange(22, 30))],
                        "initContainers": [container(40 + j, False) for j in range(4)], "hostNetwork": wild and rand.random() < 0.1, "nodeSelector": {"zone": "a"}}}
        found = pod_findings(pod, data)
        requests.append({"request": {"uid": f"{i}", "kind": {"kind": "Pod", "version": "v1"}, "object": pod}})
        expected.append({"allowed": not found, "deny": sorted(found)})
    write(folder, name, "data.k8s.decision", data, requests, expected)


# name: what writes it, its size, and its small size
WORKLOADS = {"gdrive-5": (gdrive, 5, 5), "gdrive-50": (gdrive, 50, None), "github-5": (github, 5, 5), "github-50": (github, 50, None),
             "tinytodo-5": (tinytodo, 5, 5), "tinytodo-50": (tinytodo, 50, None), "rbac-large": (rbac, 1000, 60), "zero-trust": (zero_trust, 200, 200),
             "k8s-admission": (k8s, 240, 60), "http-acl-linear": (acl, 2000, 100), "http-acl-indexed": (acl, 2000, 100)}


def main(folder, small=False, names=()):
    written = []
    for name, (make, size, small_size) in WORKLOADS.items():
        if (not names or name in names) and not (small and small_size is None):
            make(folder, name, small_size if small else size)
            written.append(os.path.join(folder, name))
    return written


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--small"]
    if not arguments or arguments[0].startswith("-") or any(a not in WORKLOADS for a in arguments[1:]):
        sys.exit(f"usage: workloads.py FOLDER [--small] [{' '.join(WORKLOADS)}]")
    main(arguments[0], "--small" in sys.argv, arguments[1:])
