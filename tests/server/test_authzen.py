#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demands of AuthZEN Authorization API 1.0 on a decision point, one test a demand or a few that belong together; bounds of batches and searches."""
import contextlib
import json
import sys
import time

from credentials import Credentials
from daemon import EVALUATION, Daemon, main, same

EVALUATIONS, SEARCH, METADATA = "/access/v1/evaluations", "/access/v1/search/", "/.well-known/authzen-configuration"
POLICY = """package desk

role reader
role owner

known := data.people[subject.id] if subject.type == "user"

file := data.files[resource.id] if resource.type == "file"

assign reader if known
assign owner if file.owner == subject.id
assign owner if subject.properties.grade == "chief"

permit reader to read on file as "read" if file.open == true
permit owner to read, write on file as "own"
permit reader to share on file as "share" if action.properties.quietly == true
permit reader to open on file as "office" if object.get(input, ["context", "place"], "") == "office"
permit anyone to see on file as "see" if resource.colour == "red"

people := {"user": data.people, "group": ["g"]}

files := {"file": data.files}
"""
DATA = {
    "people": {"ann": {}, "bob": {}, "cid": {}},
    "files": {"f1": {"owner": "ann", "open": True}, "f2": {"owner": "bob", "open": False}, "f3": {"owner": "cid", "open": True}},
}
SEARCHED = {"search": {"subjects": "desk/people", "resources": "desk/files"}}
ANN, BOB = {"type": "user", "id": "ann"}, {"type": "user", "id": "bob"}
F1, F2 = {"type": "file", "id": "f1"}, {"type": "file", "id": "f2"}
READ, WRITE = {"name": "read"}, {"name": "write"}
WHOLE = {"subject": ANN, "action": READ, "resource": F1}


def serving(**settings):
    return Daemon({"decision": "polward/decision", **SEARCHED, **settings}, data=DATA, modules={"desk.pol": POLICY})


def asked(d, path, body, status=200, headers=None):
    answer = d.ask("POST", path, body, headers)
    same(answer.status, status, answer.body)
    return answer


def decision(d, **more):
    return asked(d, EVALUATION, {**WHOLE, **more}).json()["decision"]


def batch(d, items, **more):
    body = asked(d, EVALUATIONS, {**WHOLE, "evaluations": items, **more}).json()
    same(list(body), ["evaluations"])
    return [item["decision"] for item in body["evaluations"]]


def search(d, kind, status=200, **body):
    answer = asked(d, SEARCH + kind, body, status)
    return answer.json() if status == 200 else answer


def found(d, kind, **body):
    return [entity.get("id", entity.get("name")) for entity in search(d, kind, **body)["results"]]


def without(body, *names):
    return {key: value for key, value in body.items() if key not in names}


def test_all_calls_but_metadata_are_post():
    """1"""
    with serving() as d:
        for path in (EVALUATION, EVALUATIONS, SEARCH + "subject", SEARCH + "resource", SEARCH + "action"):
            answer = d.ask("GET", path)
            same((answer.status, answer.headers["allow"]), (405, "POST"), path)
        same(d.ask("POST", METADATA, b"").status, 405)


def test_an_evaluation_is_answered_with_a_boolean():
    """2, 3, 9, 17"""
    with serving() as d:
        for subject, wanted in ((ANN, True), (BOB, False)):
            answer = asked(d, EVALUATION, {"subject": subject, "action": WRITE, "resource": F1})
            same((answer.json()["decision"], answer.headers["content-type"], type(answer.json()["context"])), (wanted, "application/json", dict))


def test_context_reaches_the_policy():
    """4"""
    with serving() as d:
        same((decision(d, action={"name": "open"}), decision(d, action={"name": "open"}, context={"place": "office"})), (False, True))


def test_properties_reach_the_policy():
    """5"""
    with serving() as d:
        same((decision(d, subject=BOB, action=WRITE), decision(d, subject={**BOB, "properties": {"grade": "chief"}}, action=WRITE)), (False, True))
        same((decision(d, action={"name": "share"}), decision(d, action={"name": "share", "properties": {"quietly": True}})), (False, True))
        same((decision(d, action={"name": "see"}), decision(d, action={"name": "see"}, resource={**F1, "properties": {"colour": "red"}})), (False, True))


def test_what_is_not_known_is_ignored():
    """6, 7"""
    with serving() as d:
        same(decision(d, more=1, subject={**ANN, "ip": "::1", "properties": {"x": [1]}}, resource={**F1, "y": None}, action={**READ, "z": {}}), True)
        same(batch(d, [{"more": 1}], options={"more": 2}, more=3), [True])
        same(found(d, "action", subject=ANN, resource=F1, more=4, page={"more": 5}), ["read", "write"])


def test_the_order_of_members_means_nothing():
    """8"""
    with serving() as d:
        turned = {key: dict(reversed(value.items())) for key, value in reversed(WHOLE.items())}
        same(asked(d, EVALUATION, turned).json()["decision"], True)


def test_what_is_missing_or_of_a_wrong_type_is_400():
    """10, 11, 14"""
    with serving() as d:
        for name in WHOLE:
            answer = asked(d, EVALUATION, without(WHOLE, name), 400)
            same(answer.json(), f"{name} is missing")
            asked(d, EVALUATION, {**WHOLE, name: "text"}, 400)
            asked(d, EVALUATION, {**WHOLE, name: None}, 400)
            for member in WHOLE[name]:
                same(asked(d, EVALUATION, {**WHOLE, name: without(WHOLE[name], member)}, 400).json(), f"{name}.{member} is missing")
                same(asked(d, EVALUATION, {**WHOLE, name: {**WHOLE[name], member: 7}}, 400).json(), f"{name}.{member} must be a string, not number")
        asked(d, EVALUATION, {**WHOLE, "context": []}, 400)


def test_what_is_no_json_is_400():
    """12, 13"""
    with serving() as d:
        for path in (EVALUATION, EVALUATIONS, SEARCH + "subject", SEARCH + "resource", SEARCH + "action"):
            for body in (b"", b"{", b"[]", b"{} x", b'{"a":1,"a":2}', b'"\xff"'):
                asked(d, path, body, 400)
            asked(d, path, json.dumps(WHOLE).encode(), 400, {"Content-Type": "text/plain"})


def test_the_request_id_comes_back():
    """15"""
    with serving() as d:
        for path, body, status in ((EVALUATION, WHOLE, 200), (EVALUATION, {}, 400), (EVALUATIONS, WHOLE, 200), (SEARCH + "action", WHOLE, 200), (SEARCH + "action", {}, 400)):
            same(asked(d, path, body, status, {"X-Request-ID": "a b;c"}).headers["x-request-id"], "a b;c")
            assert "x-request-id" not in asked(d, path, body, status).headers


def test_the_same_request_is_decided_the_same():
    """16"""
    with serving() as d:
        same({decision(d) for _ in range(20)}, {True})


def test_batches_are_answered_in_order():
    """18, 19"""
    with serving() as d:
        same(batch(d, [{"action": WRITE}, {"subject": BOB, "action": WRITE}, {}, {"resource": F2}]), [True, False, True, False])
        answers = asked(d, EVALUATIONS, {**WHOLE, "evaluations": [{}] * 50}).json()["evaluations"]
        same(len({answer["context"]["id"] for answer in answers}), 50)


def test_defaults_are_inherited_and_replaced_whole():
    """20, 21"""
    with serving() as d:
        opens = {"name": "open"}
        same(batch(d, [{}, {"context": {}}, {"context": {"place": "home"}}], action=opens, context={"place": "office"}), [True, False, False])
        chief = {**BOB, "properties": {"grade": "chief"}}
        same(batch(d, [{}, {"subject": BOB}], subject=chief, action=WRITE), [True, False])


def test_a_faulty_item_is_denied_in_its_place():
    """22, 23"""
    with serving() as d:
        body = {"subject": ANN, "resource": F1, "evaluations": [{"action": READ}, {}, {"action": {}}, 7, {"action": READ, "resource": None}, {"action": WRITE}]}
        answers = asked(d, EVALUATIONS, body).json()["evaluations"]
        same([answer["decision"] for answer in answers], [True, False, False, False, False, True])
        same(
            [answer["context"]["error"] for answer in answers[1:5]],
            [
                {"status": 400, "message": "action is missing"},
                {"status": 400, "message": "action.name is missing"},
                {"status": 400, "message": "an evaluation must be an object, not number"},
                {"status": 400, "message": "resource must be an object, not null"},
            ],
        )


def test_without_evaluations_a_batch_is_one_decision():
    """24"""
    with serving() as d:
        for more in ({}, {"evaluations": []}):
            same(asked(d, EVALUATIONS, {**WHOLE, **more}).json()["decision"], True)
            asked(d, EVALUATIONS, {**without(WHOLE, "action"), **more}, 400)
        asked(d, EVALUATIONS, {**WHOLE, "evaluations": {}}, 400)


def test_the_three_semantics():
    """25"""
    with serving() as d:
        yes, no = {}, {"subject": BOB, "action": WRITE}
        for word, items, wanted in (
            ("execute_all", [no, yes, no], [False, True, False]),
            ("deny_on_first_deny", [yes, no, yes], [True, False]),
            ("deny_on_first_deny", [yes, 7, yes], [True, False]),
            ("deny_on_first_deny", [yes, yes], [True, True]),
            ("permit_on_first_permit", [no, yes, no], [False, True]),
            ("permit_on_first_permit", [7, yes, no], [False, True]),
            ("permit_on_first_permit", [no, no], [False, False]),
        ):
            same(batch(d, items, options={"evaluations_semantic": word}), wanted, word)
        for word in ("first", 1, ["execute_all"]):
            asked(d, EVALUATIONS, {**WHOLE, "evaluations": [{}], "options": {"evaluations_semantic": word}}, 400)


def test_subject_search():
    """26"""
    with serving() as d:
        same(search(d, "subject", subject={"type": "user"}, action=READ, resource=F2)["results"], [BOB])
        for given in ({"id": "ann"}, {"id": 7}, {"id": None}):
            same(found(d, "subject", subject={"type": "user", **given}, action=READ, resource=F1), ["ann", "bob", "cid"])


def test_resource_search():
    """27"""
    with serving() as d:
        same(search(d, "resource", subject=BOB, action=WRITE, resource={"type": "file"})["results"], [F2])
        same(found(d, "resource", subject=BOB, action=READ, resource={"type": "file", "id": "f9"}), ["f1", "f2", "f3"])


def test_action_search():
    """28"""
    with serving() as d:
        same(search(d, "action", subject=ANN, resource=F1)["results"], [{"name": "read"}, {"name": "write"}])
        same(found(d, "action", subject=BOB, resource=F1), ["read"])


def test_searches_use_properties():
    """29"""
    with serving() as d:
        chief = {**BOB, "properties": {"grade": "chief"}}
        same(found(d, "resource", subject=chief, action=WRITE, resource={"type": "file"}), ["f1", "f2", "f3"])
        same(found(d, "action", subject=chief, resource=F1), ["read", "write"])
        red = {**F1, "properties": {"colour": "red"}}
        same(found(d, "subject", subject={"type": "group"}, action={"name": "see"}, resource=red), ["g"])
        same(found(d, "action", subject=BOB, resource=F1, context={"place": "office"}), ["open", "read"])


def test_pages():
    """30, 31, 32"""
    with serving() as d:
        body = {"subject": {"type": "user"}, "action": READ, "resource": F1}
        assert "page" not in search(d, "subject", **body)
        same(search(d, "subject", **body, page={})["page"], {"next_token": "", "count": 3})
        seen, token = [], ""
        for _ in range(3):
            answer = search(d, "subject", **body, page={"limit": 1, "token": token})
            seen += [entity["id"] for entity in answer["results"]]
            token = answer["page"]["next_token"]
        same((seen, token), (["ann", "bob", "cid"], ""))
        token = search(d, "subject", **body, page={"limit": 2})["page"]["next_token"]
        same(found(d, "subject", **body, page={"token": token}), ["cid"])
        for changed in ({"action": WRITE}, {"resource": F2}, {"context": {"a": 1}}):
            search(d, "subject", 400, **{**body, **changed}, page={"token": token})
        other = {"subject": ANN, "action": READ, "resource": {"type": "file"}}
        search(d, "resource", 400, **other, page={"token": token})
        for page in ([], {"limit": -1}, {"limit": 0.5}, {"limit": "1"}, {"token": 1}, {"token": "x"}, {"token": token[:-1] + "!"}, {"token": "B" + token[1:]}):
            search(d, "subject", 400, **body, page=page)
        d.replace("r2", data={**DATA, "more": 1})
        d.wait(lambda: d.health()["bundle"]["revision"] == "r2")
        assert b"no longer served" in search(d, "subject", 400, **body, page={"token": token}).body


def test_nothing_found_is_no_error():
    """33"""
    with serving() as d:
        same(found(d, "subject", subject={"type": "ship"}, action=READ, resource=F1), [])
        same(found(d, "subject", subject={"type": "user"}, action=READ, resource={"type": "file", "id": "f9"}), [])
        same(found(d, "resource", subject={"type": "user", "id": "zoe"}, action=WRITE, resource={"type": "file"}), [])
        same(found(d, "resource", subject=ANN, action=READ, resource={"type": "ship"}), [])
        same(found(d, "action", subject={"type": "user", "id": "zoe"}, resource=F1), [])
    with Daemon({"decision": "polward/decision"}, data=DATA, modules={"desk.pol": POLICY}) as d:
        same(found(d, "subject", subject={"type": "user"}, action=READ, resource=F1), [])
        same(found(d, "resource", subject=ANN, action=READ, resource={"type": "file"}), [])


def test_searches_need_their_entities():
    """34"""
    with serving() as d:
        bodies = {
            "subject": {"subject": {"type": "user"}, "action": READ, "resource": F1},
            "resource": {"subject": ANN, "action": READ, "resource": {"type": "file"}},
            "action": {"subject": ANN, "resource": F1},
        }
        for kind, body in bodies.items():
            for name, entity in body.items():
                search(d, kind, 400, **without(body, name))
                for member in entity:
                    search(d, kind, 400, **{**body, name: without(entity, member)})
        search(d, "subject", 400, **bodies["subject"], token="a.b.c")
        search(d, "action", 400, **bodies["action"], request={"method": "GET", "path": "/"})


def test_metadata():
    """35, 36, 38"""
    with serving() as d:
        answer = d.ask("GET", METADATA)
        same((answer.status, answer.headers["content-type"]), (200, "application/json"))
        same(
            answer.json(),
            {
                "policy_decision_point": "https://pold",
                "access_evaluation_endpoint": "https://pold/access/v1/evaluation",
                "access_evaluations_endpoint": "https://pold/access/v1/evaluations",
                "search_subject_endpoint": "https://pold/access/v1/search/subject",
                "search_resource_endpoint": "https://pold/access/v1/search/resource",
                "search_action_endpoint": "https://pold/access/v1/search/action",
            },
        )
    with Daemon({"authzen": {"url": "https://pdp.example:8443"}}) as d:
        document = d.ask("GET", METADATA).json()
        same(document["policy_decision_point"], "https://pdp.example:8443")
        assert "search_subject_endpoint" not in document and "search_resource_endpoint" not in document


def test_identity_of_a_batch_is_verified_once_and_counts_for_all():
    d = Daemon({"decision": "polward/decision"}, data=DATA, modules={"desk.pol": POLICY})
    c = Credentials(d.folder)
    d.settings.update(c.settings())
    with d:
        now = int(time.time())
        shown = {"token": c.token(sub="ann"), "subject": {"type": "user"}}
        same(batch(d, [{}, {"action": WRITE}, {"subject": BOB}], **shown), [True, True, False])
        answers = asked(d, EVALUATIONS, {**WHOLE, "token": c.token(sub="ann", exp=now - 100), "evaluations": [{}, {}]}).json()["evaluations"]
        same([(answer["decision"], answer["context"]["reason"]) for answer in answers], [(False, "token_expired")] * 2)
        same(found(d, "action", token=shown["token"], subject={"type": "user"}, resource=F1), ["read", "write"])
        same(found(d, "action", token=shown["token"], subject=BOB, resource=F1), [])


def test_bounds():
    with serving(limits={"evaluations": 3}, authzen={"batch_context": False}, search={**SEARCHED["search"], "candidates": 2, "page": 1}) as d:
        same(asked(d, EVALUATIONS, {**WHOLE, "evaluations": [{}, 7, {}]}).json(), {"evaluations": [{"decision": True}, {"decision": False}, {"decision": True}]})
        same(asked(d, EVALUATIONS, {**WHOLE, "evaluations": [{}] * 4}, 400).json(), "evaluations has 4 elements, at most 3 are taken")
        body, seen, token = {"subject": {"type": "user"}, "action": READ, "resource": F2}, [], None
        while token != "":
            answer = search(d, "subject", **body, **({"page": {"token": token}} if token else {}))
            seen.append([entity["id"] for entity in answer["results"]])
            token = answer.get("page", {"next_token": ""})["next_token"]
        same(seen, [["bob"], []])
    with serving(limits={"request_instructions": 1000}) as d:
        answers = asked(d, EVALUATIONS, {**WHOLE, "evaluations": [{}] * 200}).json()["evaluations"]
        same((answers[0]["decision"], answers[-1]["decision"], answers[-1]["context"]["reason"]), (True, False, "limit_instructions"))


def test_a_thousand_evaluations():
    with serving() as d, contextlib.closing(d.client()) as c:
        items = [{"subject": {"type": "user", "id": f"u{i}"}, "action": WRITE} if i % 2 else {} for i in range(1000)]
        answer = c.ask("POST", EVALUATIONS, {**WHOLE, "evaluations": items})
        same([item["decision"] for item in answer.json()["evaluations"]], [True, False] * 500)


def test_the_configuration_is_checked():
    for url in ("http://pdp.example", "https://pdp.example/", "https://pdp.example?a", "https://pdp.example#a"):
        d = Daemon({"authzen": {"url": url}})
        try:
            with d:
                raise RuntimeError(f"{url} was taken")
        except AssertionError as refused:
            assert "authzen.url" in str(refused), refused
        finally:
            d.log_file.close()


if __name__ == "__main__":
    main(sys.modules[__name__])
