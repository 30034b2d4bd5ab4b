# SPDX-License-Identifier: Apache-2.0
# Bodies are evaluated in an order in which all variables are bound, whatever the order written; closures keep their own.
package order

xs := [0, 5]

# expect data.order.ref_before_call = [0]
ref_before_call contains i if xs[i] = max([i])

# expect data.order.call_before_operand = [1]
call_before_operand contains i if i + count([xs[i]]) == 2

# expect data.order.call_taken_out_of_not = true
call_taken_out_of_not if not count([xs[i]]) == 2

# expect data.order.both_sides = [[0,0],[1,1]]
both_sides contains [i, j] if {
	xs[i] = xs[j]
	i == j
}

# expect data.order.key_bound_by_value = {"0":0,"1":5}
key_bound_by_value[x] := xs[x]

# expect data.order.outer_variable_in_closure = {"a":1,"b":1}
outer_variable_in_closure := {k: n |
	n := count([z | z = k])
	k = ["a", "b"][_]
}

# expect data.order.element_by_element = [3]
element_by_element := [x | [x, y] = [y, 3]]

# expect data.order.one_variable_twice = [1]
one_variable_twice contains x if {
	some k, [x, k] in {"a": [1, "a"], "b": [2, "z"]}
}

# expect data.order.every_sees_what_is_around = true
every_sees_what_is_around if {
	y := 1
	every x in [1, 2] {
		x >= y
		z := x
		z > 0
	}
}

# expect data.order.bound_below = [[1,[1,2]],[2,[1,2]]]
bound_below contains [a, b] if {
	a := b[_]
	b = {1, 2}
}
