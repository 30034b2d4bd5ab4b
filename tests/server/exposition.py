# SPDX-License-Identifier: Apache-2.0
"""A strict reader of Prometheus' text format 0.0.4: everything that a scraper may rely on is checked."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|Inf)|NaN")
TYPES = ("counter", "gauge", "histogram")


def read_sample(line):
    """(name, labels, value)"""
    name = NAME.match(line)
    assert name, line
    rest, labels = line[name.end():], []
    if rest.startswith("{"):
        rest = rest[1:]
        while not rest.startswith("}"):
            label = LABEL.match(rest)
            assert label, line
            labels.append(label.groups())
            rest = rest[label.end():]
            assert rest[:1] in ",}", line
            rest = rest[1:] if rest[0] == "," else rest
        rest = rest[1:]
    assert rest.startswith(" ") and NUMBER.fullmatch(rest[1:]), line
    assert len(dict(labels)) == len(labels), line
    return name.group(), dict(labels), float(rest[1:])


def check_histogram(family, samples):
    """Buckets of one series grow up to +Inf, which is the count."""
    series = {}
    for name, labels, value in samples:
        rest = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        series.setdefault(rest, {"buckets": []})
        if name == family + "_bucket":
            series[rest]["buckets"].append((float(labels["le"]), value))
        else:
            assert "le" not in labels and name in (family + "_sum", family + "_count"), name
            series[rest][name] = value
    for labels, found in series.items():
        bounds, values = zip(*found["buckets"])
        assert list(bounds) == sorted(set(bounds)) and bounds[-1] == float("inf"), (family, labels)
        assert list(values) == sorted(values) and values[-1] == found[family + "_count"] and found[family + "_sum"] >= 0, (family, labels)


def read(text):
    """{family: (type, [(name, labels, value)])}; AssertionError where the text is not as it must be."""
    assert text.endswith("\n") and "\r" not in text
    families, current, seen, helped = {}, None, set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, helped, words = line.split(" ", 3)
            assert helped not in families and words and "\\" not in words, line
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current == helped and current not in families and kind in TYPES, line
            families[current] = (kind, [])
        else:
            name, labels, value = read_sample(line)
            assert current and name.startswith(current), line
            key = (name, tuple(sorted(labels.items())))
            assert key not in seen, line
            seen.add(key)
            kind, samples = families[current]
            assert kind == "histogram" or name == current, line
            assert kind != "counter" or value >= 0, line
            samples.append((name, labels, value))
    for family, (kind, samples) in families.items():
        if kind == "histogram" and samples:
            check_histogram(family, samples)
    return families


def value_of(families, name, /, **labels):
    """The value of the one series with these labels; 0 where there is none."""
    found = [value for _, samples in families.values() for n, its, value in samples if n == name and its == labels]
    assert len(found) <= 1
    return found[0] if found else 0
