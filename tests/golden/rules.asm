rule data: 0 parameters, 3 registers, 0 iterators, 1 builders
     0  start b0
     1  rule r1 data.rules -> 4
     2  const r2 "rules"
     3  put b0 r2 r1
     4  object r0 b0 0
     5  return r0
rule data.rules: 0 parameters, 3 registers, 0 iterators, 1 builders
     0  start b0
     1  rule r1 data.rules.all_even -> 4
     2  const r2 "all_even"
     3  put b0 r2 r1
     4  rule r1 data.rules.allow -> 7
     5  const r2 "allow"
     6  put b0 r2 r1
     7  rule r1 data.rules.by_name -> 10
     8  const r2 "by_name"
     9  put b0 r2 r1
    10  rule r1 data.rules.greeting -> 13
    11  const r2 "greeting"
    12  put b0 r2 r1
    13  rule r1 data.rules.names -> 16
    14  const r2 "names"
    15  put b0 r2 r1
    16  rule r1 data.rules.sizes -> 19
    17  const r2 "sizes"
    18  put b0 r2 r1
    19  object r0 b0 0
    20  return r0
rule data.rules.all_even: 0 parameters, 7 registers, 1 iterators, 0 builders
     0  input r0 -> 12
     1  getk r1 r0 "numbers" -> 12
     2  collection r1 -> 12
     3  scan i0 r1 -> 10
     4  next i0 r2 r3 -> 10
     5  const r4 2
     6  rem r5 r3 r4 -> 12
     7  const r6 0
     8  eq r5 r6 -> 12
     9  jump -> 4
    10  const r2 true
    11  return r2
    12  fail
rule data.rules.allow: 0 parameters, 6 registers, 1 iterators, 0 builders
     0  input r0 -> 8
     1  getk r1 r0 "roles" -> 8
     2  scan i0 r1 -> 8
     3  next i0 r2 r3 -> 8
     4  const r4 "admin"
     5  eq r3 r4 -> 3
     6  const r5 true
     7  return r5
     8  input r0 -> 16
     9  getk r1 r0 "user" -> 16
    10  undef r2
    11  defined r2 -> 16
    12  const r3 null
    13  eq r1 r3 -> 16
    14  const r4 true
    15  return r4
    16  const r0 false
    17  return r0
rule data.rules.by_name: 0 parameters, 7 registers, 1 iterators, 1 builders
     0  start b0
     1  input r1 -> 9
     2  getk r2 r1 "users" -> 9
     3  scan i0 r2 -> 9
     4  next i0 r3 r4 -> 9
     5  getk r5 r4 "name" -> 4
     6  getk r6 r4 "age" -> 4
     7  put b0 r5 r6
     8  jump -> 4
     9  object r0 b0 1
    10  return r0
rule data.rules.greeting: 0 parameters, 6 registers, 0 iterators, 2 builders
     0  undef r0
     1  const r2 "hello "
     2  start b1
     3  input r4 -> 6
     4  getk r5 r4 "user" -> 6
     5  push b1 r5
     6  set r3 b1
     7  start b0
     8  push b0 r2
     9  push b0 r3
    10  array r5 b0
    11  builtin r4 r5 internal.template_string -> 14
    12  merge r0 r4 0
    13  jump -> 14
    14  return r0
rule data.rules.names: 0 parameters, 6 registers, 1 iterators, 1 builders
     0  start b0
     1  input r1 -> 8
     2  getk r2 r1 "users" -> 8
     3  scan i0 r2 -> 8
     4  next i0 r3 r4 -> 8
     5  getk r5 r4 "name" -> 4
     6  push b0 r5
     7  jump -> 4
     8  set r0 b0
     9  return r0
rule data.rules.sizes: 0 parameters, 9 registers, 1 iterators, 1 builders
     0  undef r0
     1  start b0
     2  input r2 -> 12
     3  getk r3 r2 "numbers" -> 12
     4  scan i0 r3 -> 12
     5  next i0 r4 r5 -> 12
     6  const r6 1
     7  gt r5 r6 -> 5
     8  move r8 r5
     9  call r7 r8 data.rules.double -> 5
    10  push b0 r7
    11  jump -> 5
    12  array r1 b0
    13  merge r0 r1 0
    14  jump -> 15
    15  return r0
function data.rules.double: 1 parameters, 4 registers, 0 iterators, 0 builders
     0  undef r1
     1  const r2 2
     2  mul r3 r0 r2 -> 5
     3  merge r1 r3 1
     4  jump -> 5
     5  return r1
entry "" = data
entry "rules" = data.rules
entry "rules/all_even" = data.rules.all_even
entry "rules/allow" = data.rules.allow
entry "rules/by_name" = data.rules.by_name
entry "rules/greeting" = data.rules.greeting
entry "rules/names" = data.rules.names
entry "rules/sizes" = data.rules.sizes
