package d

# `:=` gives `name` the value of `nobody`, not the other way round.
allow if {
	name := nobody
	name = input.user
}
