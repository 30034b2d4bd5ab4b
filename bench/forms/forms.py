#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""forms.py FOLDER OUT: the workload in FOLDER as the eight statements see it: OUT gets policy.pol, data.json, requests.ndjson and expected.ndjson.
Requests become the input document that the daemon makes of them (docs/identity.md): subject, action and resource named, the route's action, the
token's scopes apart. Decisions stay the workload's own."""
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def kind_of(uid):
    return uid.split("::", 1)[0].lower()


def bare(uid):
    return uid.split('"')[1]


def entity_request(r, _):
    return {"subject": {"type": "user", "id": r["principal"]}, "action": {"name": bare(r["action"])},
            "resource": {"type": kind_of(r["resource"]), "id": r["resource"]}}


def rbac_data(data):
    roles = {name: {"inherits": data["role_parents"].get(name, []),
                    "permits": [{"actions": [g["action"]], "types": [g["type"]]} for g in data["role_grants"].get(name, [])]}
             for name in data["role_grants"].keys() | data["role_parents"].keys()}
    return {"bindings": data["bindings"], "rbac": {"roles": roles}}


def rbac_request(r, _):
    return {"subject": {"type": "user", "id": r["user"]}, "action": {"name": r["action"]}, "resource": r["resource"]}


def zero_trust_data(data):
    """Routes are statements, their scopes too; sets are given as objects, which are found in by hash."""
    out = {k: data[k] for k in ("amount_limits", "audience", "issuers", "tenants")}
    return out | {"domains": data["trust_domains"], "revoked": data["revoked_fingerprints"]}


def route_of(request, data):
    parts = request["path"].strip("/").split("/")
    for route in data["routes"]:
        if route["method"] == request["method"] and len(route["segments"]) == len(parts) and all(
                s == p or (s.startswith("{") and p) for s, p in zip(route["segments"], parts)):
            return route["action"]
    return request["method"].lower()


def zero_trust_request(r, data):
    token, cert, resource = dict(r["token"]), r["cert"], dict(r["resource"])
    action = route_of(r["request"], data)
    known = action in {route["action"] for route in data["routes"]}
    if isinstance(token["aud"], str):
        token["aud"] = [token["aud"]]
    context = {"now": r["now"]}
    if "break_glass" in r:
        context["break_glass"] = r["break_glass"]
    spiffe_id = cert["spiffe_id"]
    return {"subject": {"type": "user", "id": token["sub"]}, "action": {"name": action},
            "resource": resource if known else resource | {"type": "http"}, "context": context,
            "token": {"claims": token, "scopes": sorted(set(token["scope"].split(" "))), "issuer": token["iss"], "subject": token["sub"],
                      "bound": token["cnf"]["x5t#S256"] == cert["fingerprint"]},
            "cert": {"fingerprint_sha256": cert["fingerprint"], "spiffe_id": spiffe_id, "subject": cert["subject"],
                     "trust_domain": spiffe_id.removeprefix("spiffe://").split("/")[0] if spiffe_id.count("/") > 2 else ""},
            "request": {"method": r["request"]["method"], "path": r["request"]["path"], "host": r["request"]["host"]}}


FORMS = {"rbac-large": (rbac_data, rbac_request), "gdrive": (dict, entity_request), "github": (dict, entity_request),
         "zero-trust": (zero_trust_data, zero_trust_request)}


def form_of(folder):
    name = os.path.basename(os.path.normpath(folder))
    return next((f for f in FORMS if name == f or name.startswith(f + "-")), None)


def write(folder, out):
    name = form_of(folder)
    if not name:
        return False
    make_data, make_request = FORMS[name]
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(folder, "data.json"), encoding="utf-8") as f:
        data = json.load(f)
    with open(os.path.join(out, "data.json"), "w", encoding="utf-8") as f:
        json.dump(make_data(data), f)
    with open(os.path.join(folder, "requests.ndjson"), encoding="utf-8") as f, \
            open(os.path.join(out, "requests.ndjson"), "w", encoding="utf-8") as to:
        for line in f:
            to.write(json.dumps(make_request(json.loads(line), data), separators=(",", ":")) + "\n")
    shutil.copy(os.path.join(HERE, name + ".pol"), os.path.join(out, "policy.pol"))
    shutil.copy(os.path.join(folder, "expected.ndjson"), out)
    return True


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: forms.py FOLDER OUT")
    if not write(*sys.argv[1:]):
        sys.exit(f"{sys.argv[1]}: no form of this workload is there")
