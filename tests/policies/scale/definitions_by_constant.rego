# SPDX-License-Identifier: Apache-2.0
# Rules of which an equality on the input leaves few: found by the constant, with the answers of rules tried one by one.
package indexed

level := 1 if input.kind == "a"
level := 2 if input.kind == "b"
level := 3 if input.kind == "c"
level := 4 if input.kind == "d"
level := 5 if input.kind == "e"
level := 6 if input.kind == "f"
level := 7 if input.kind == "g"
level := 8 if input.kind == "h"
level := 1 if input.kind == "a"

default level := 0

marks contains "a0" if {
	"a" == input.kind
	input.n > 0
}

marks contains "b1" if {
	"b" == input.kind
	input.n > 1
}

marks contains "c2" if {
	"c" == input.kind
	input.n > 2
}

marks contains "d3" if {
	"d" == input.kind
	input.n > 3
}

marks contains "e4" if {
	"e" == input.kind
	input.n > 4
}

marks contains "f5" if {
	"f" == input.kind
	input.n > 5
}

marks contains "g6" if {
	"g" == input.kind
	input.n > 6
}

marks contains "h7" if {
	"h" == input.kind
	input.n > 7
}

marks contains "a8" if {
	"a" == input.kind
	input.n > 8
}

typed contains 0 if input.v == null
typed contains 1 if input.v == true
typed contains 2 if input.v == false
typed contains 3 if input.v == 1
typed contains 4 if input.v == 2.5
typed contains 5 if input.v == "x"
typed contains 6 if input.v == [1, "y"]
typed contains 7 if input.v == {"k": 1}
typed contains 8 if input.v == 1.0

parity contains i if {
	input.kind == "p"
	some i, x in input.l
	not x == "no"
}

parity contains "q" if {
	input.kind == "q"
	not input.off
}

parity contains "r" if {
	input.kind == "r"
	not input.off
}

parity contains "s" if {
	input.kind == "s"
	not input.off
}

parity contains "t" if {
	input.kind == "t"
	not input.off
}

parity contains "u" if {
	input.kind == "u"
	not input.off
}

parity contains "v" if {
	input.kind == "v"
	not input.off
}

parity contains "w" if {
	input.kind == "w"
	not input.off
}

clash := 1 if input.a.b == "k"
clash := 2 if input.a.b == "k2"
clash := 3 if input.a.b == "k3"
clash := 4 if input.a.b == "k4"
clash := 5 if input.a.b == "k5"
clash := 6 if input.a.b == "k6"
clash := 7 if input.a.b == "k7"
clash := 8 if input.a.b == "k8"
clash := 9 if input.a.b == "k9"
clash := 99 if {
	input.a.b == "k3"
	input.both
}

# input {"kind": "a", "n": 3}
# expect data.indexed.level = 1
# expect data.indexed.marks = ["a0"]
# input {"kind": "a", "n": 9}
# expect data.indexed.marks = ["a0", "a8"]
# input {"kind": "h", "n": 8}
# expect data.indexed.level = 8
# expect data.indexed.marks = ["h7"]
# input {"kind": "z", "n": 8}
# expect data.indexed.level = 0
# expect data.indexed.marks = []
# input {"kind": 7}
# expect data.indexed.level = 0
# input {}
# expect data.indexed.level = 0
# expect data.indexed.typed = []
# input {"v": null}
# expect data.indexed.typed = [0]
# input {"v": false}
# expect data.indexed.typed = [2]
# input {"v": 1}
# expect data.indexed.typed = [3, 8]
# input {"v": 2.5}
# expect data.indexed.typed = [4]
# input {"v": [1, "y"]}
# expect data.indexed.typed = [6]
# input {"v": {"k": 1.0}}
# expect data.indexed.typed = [7]
# input {"kind": "p", "l": ["yes", "no", "yes"]}
# expect data.indexed.parity = [0, 2]
# input {"kind": "w"}
# expect data.indexed.parity = ["w"]
# input {"kind": "w", "off": true}
# expect data.indexed.parity = []
# input {"a": {"b": "k3"}}
# expect data.indexed.clash = 3
# input {"a": {"b": "k9"}}
# expect data.indexed.clash = 9
# input {"a": {"b": "none"}}
# expect data.indexed.clash undefined
# input {"a": {"b": "k3"}, "both": true}
# expect error eval_conflict_error
