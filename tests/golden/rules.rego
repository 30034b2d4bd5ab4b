# SPDX-License-Identifier: Apache-2.0
package rules

default allow := false

allow if {
	some role in input.roles
	role == "admin"
}

allow if input.user == data.owner

names contains user.name if some user in input.users

by_name[user.name] := user.age if some user in input.users

double(x) := x * 2

sizes := [double(n) | some n in input.numbers; n > 1]

all_even if every n in input.numbers {
	n % 2 == 0
}

greeting := $"hello {input.user}"
