rule data: 0 parameters, 3 registers, 0 iterators, 1 builders
     0  start b0
     1  rule r1 data.polward -> 4
     2  const r2 "polward"
     3  put b0 r2 r1
     4  rule r1 data.shop -> 7
     5  const r2 "shop"
     6  put b0 r2 r1
     7  object r0 b0 0
     8  return r0
rule data.polward: 0 parameters, 3 registers, 0 iterators, 1 builders
     0  start b0
     1  rule r1 data.polward.allow -> 4
     2  const r2 "allow"
     3  put b0 r2 r1
     4  rule r1 data.polward.decision -> 7
     5  const r2 "decision"
     6  put b0 r2 r1
     7  rule r1 data.polward.permissions -> 10
     8  const r2 "permissions"
     9  put b0 r2 r1
    10  rule r1 data.polward.roles -> 13
    11  const r2 "roles"
    12  put b0 r2 r1
    13  object r0 b0 0
    14  return r0
rule data.polward.allow: 0 parameters, 4 registers, 0 iterators, 0 builders
     0  mark r0
     1  undef r1
     2  rule r2 data.polward.decision -> 6
     3  getk r3 r2 "allow" -> 6
     4  merge r1 r3 0
     5  jump -> 6
     6  taint r0 -> 8
     7  return r1
     8  fail
rule data.polward.decision: 0 parameters, 37 registers, 2 iterators, 7 builders
     0  mark r0
     1  undef r1
     2  closed 1
     3  const r2 "none"
     4  undef r3
     5  const r4 []
     6  const r5 ""
     7  start b0
     8  const r6 ""
     9  input r7 -> 13
    10  getk r8 r7 "resource" -> 13
    11  getk r9 r8 "type" -> 13
    12  move r6 r9
    13  const r8 ""
    14  input r9 -> 18
    15  getk r10 r9 "action" -> 18
    16  getk r11 r10 "name" -> 18
    17  move r8 r11
    18  rule r10 $roles -> 280
    19  getk r11 r10 3 -> 280
    20  scan i0 r11 -> 24
    21  next i0 r12 r13 -> 24
    22  push b0 r13
    23  jump -> 21
    24  start b1
    25  start b2
    26  input r12 -> 53
    27  getk r13 r12 "token" -> 53
    28  const r14 {"order":{"*":[[],"no scope covers this action"],"refund":[[... (116 bytes)
    29  undef r15
    30  get r16 r14 r6 -> 33
    31  move r15 r16
    32  jump -> 35
    33  getk r17 r14 "*" -> 35
    34  move r15 r17
    35  defined r15 -> 53
    36  undef r17
    37  get r18 r15 r8 -> 40
    38  move r17 r18
    39  jump -> 42
    40  getk r19 r15 "*" -> 42
    41  move r17 r19
    42  defined r17 -> 53
    43  getk r19 r17 0 -> 53
    44  getk r20 r17 1 -> 53
    45  getk r21 r13 "scopes" -> 50
    46  scan i0 r19 -> 50
    47  next i0 r22 r23 -> 50
    48  in r23 r21 -> 47
    49  jump -> 53
    50  const r21 "scope"
    51  push b1 r21
    52  move r5 r20
    53  const r13 {}
    54  undef r14
    55  get r15 r13 r6 -> 58
    56  move r14 r15
    57  jump -> 60
    58  getk r16 r13 "*" -> 60
    59  move r14 r16
    60  defined r14 -> 108
    61  undef r16
    62  get r17 r14 r8 -> 65
    63  move r16 r17
    64  jump -> 67
    65  getk r18 r14 "*" -> 67
    66  move r16 r18
    67  defined r16 -> 108
    68  getk r19 r16 "forbids" -> 77
    69  getk r20 r10 2 -> 77
    70  scan i0 r20 -> 77
    71  next i0 r21 r22 -> 77
    72  get r18 r19 r22 -> 71
    73  scan i1 r18 -> 71
    74  next i1 r23 r24 -> 71
    75  push b1 r24
    76  jump -> 74
    77  getk r20 r16 "permits" -> 86
    78  getk r21 r10 1 -> 86
    79  scan i0 r21 -> 86
    80  next i0 r22 r23 -> 86
    81  get r19 r20 r23 -> 80
    82  scan i1 r19 -> 80
    83  next i1 r24 r25 -> 80
    84  push b2 r25
    85  jump -> 83
    86  getk r21 r16 "conditional" -> 108
    87  scan i0 r21 -> 108
    88  next i0 r22 r23 -> 108
    89  getk r24 r23 0 -> 88
    90  getk r25 r23 1 -> 88
    91  getk r26 r23 2 -> 88
    92  mark r27
    93  rulex r20 r25 -> 98
    94  true r24 -> 97
    95  push b1 r26
    96  jump -> 98
    97  push b2 r26
    98  error r29 r27 -> 106
    99  start b3
   100  const r32 "rule"
   101  put b3 r32 r26
   102  object r31 b3 0
   103  move r28 r31
   104  builtin r30 r28 object.union -> 106
   105  push b0 r30
   106  forgive r27
   107  jump -> 88
   108  array r13 b1
   109  isarray r13 0 -> 111
   110  jump -> 115
   111  move r4 r13
   112  const r2 "forbid"
   113  const r3 "scope"
   114  jump -> 193
   115  array r14 b2
   116  isarray r14 0 -> 118
   117  jump -> 122
   118  move r4 r14
   119  const r2 "permit"
   120  const r3 "scope"
   121  jump -> 193
   122  start b3
   123  start b4
   124  const r15 {"order":{"refund":{"conditional":[[false,7,"shop.small"],[t... (82 bytes)
   125  undef r16
   126  get r17 r15 r6 -> 129
   127  move r16 r17
   128  jump -> 131
   129  getk r18 r15 "*" -> 131
   130  move r16 r18
   131  defined r16 -> 179
   132  undef r18
   133  get r19 r16 r8 -> 136
   134  move r18 r19
   135  jump -> 138
   136  getk r20 r16 "*" -> 138
   137  move r18 r20
   138  defined r18 -> 179
   139  getk r21 r18 "forbids" -> 148
   140  getk r22 r10 2 -> 148
   141  scan i0 r22 -> 148
   142  next i0 r23 r24 -> 148
   143  get r20 r21 r24 -> 142
   144  scan i1 r20 -> 142
   145  next i1 r25 r26 -> 142
   146  push b3 r26
   147  jump -> 145
   148  getk r22 r18 "permits" -> 157
   149  getk r23 r10 1 -> 157
   150  scan i0 r23 -> 157
   151  next i0 r24 r25 -> 157
   152  get r21 r22 r25 -> 151
   153  scan i1 r21 -> 151
   154  next i1 r26 r27 -> 151
   155  push b4 r27
   156  jump -> 154
   157  getk r23 r18 "conditional" -> 179
   158  scan i0 r23 -> 179
   159  next i0 r24 r25 -> 179
   160  getk r26 r25 0 -> 159
   161  getk r27 r25 1 -> 159
   162  getk r28 r25 2 -> 159
   163  mark r29
   164  rulex r22 r27 -> 169
   165  true r26 -> 168
   166  push b3 r28
   167  jump -> 169
   168  push b4 r28
   169  error r31 r29 -> 177
   170  start b5
   171  const r34 "rule"
   172  put b5 r34 r28
   173  object r33 b5 0
   174  move r30 r33
   175  builtin r32 r30 object.union -> 177
   176  push b0 r32
   177  forgive r29
   178  jump -> 159
   179  array r15 b3
   180  isarray r15 0 -> 182
   181  jump -> 186
   182  move r4 r15
   183  const r2 "forbid"
   184  const r3 "role"
   185  jump -> 193
   186  array r16 b4
   187  isarray r16 0 -> 189
   188  jump -> 193
   189  move r4 r16
   190  const r2 "permit"
   191  const r3 "role"
   192  jump -> 193
   193  start b1
   194  scan i0 r4 -> 198
   195  next i0 r13 r14 -> 198
   196  push b1 r14
   197  jump -> 195
   198  set r12 b1
   199  start b2
   200  scan i0 r12 -> 204
   201  next i0 r14 r15 -> 204
   202  push b2 r15
   203  jump -> 201
   204  array r13 b2
   205  move r4 r13
   206  const r16 false
   207  eqk r2 "permit" -> 209
   208  const r16 true
   209  const r20 {"shop.small":13}
   210  mark r21
   211  start b4
   212  scan i0 r4 -> 232
   213  next i0 r22 r23 -> 232
   214  eqk r23 "scope" -> 222
   215  start b5
   216  const r25 "rule"
   217  put b5 r25 r23
   218  const r26 "text"
   219  put b5 r26 r5
   220  object r24 b5 0
   221  push b4 r24
   222  get r19 r20 r23 -> 213
   223  rulex r18 r19 -> 213
   224  start b5
   225  const r25 "rule"
   226  put b5 r25 r23
   227  const r26 "text"
   228  put b5 r26 r18
   229  object r24 b5 0
   230  push b4 r24
   231  jump -> 213
   232  forgive r21
   233  array r17 b4
   234  const r25 {}
   235  mark r26
   236  start b5
   237  scan i0 r4 -> 249
   238  next i0 r27 r28 -> 249
   239  get r24 r25 r28 -> 238
   240  rulex r23 r24 -> 238
   241  start b6
   242  const r30 "rule"
   243  put b6 r30 r28
   244  const r31 "value"
   245  put b6 r31 r23
   246  object r29 b6 0
   247  push b5 r29
   248  jump -> 238
   249  forgive r26
   250  array r22 b5
   251  getk r27 r10 0 -> 280
   252  start b6
   253  scan i0 r27 -> 257
   254  next i0 r29 r30 -> 257
   255  push b6 r30
   256  jump -> 254
   257  array r28 b6
   258  array r15 b0
   259  start b3
   260  const r29 "allow"
   261  put b3 r29 r16
   262  const r30 "effect"
   263  put b3 r30 r2
   264  const r31 "rules"
   265  put b3 r31 r4
   266  const r32 "reasons"
   267  put b3 r32 r17
   268  const r33 "context"
   269  put b3 r33 r22
   270  const r34 "roles"
   271  put b3 r34 r28
   272  const r35 "errors"
   273  put b3 r35 r15
   274  defined r3 -> 277
   275  const r36 "tier"
   276  put b3 r36 r3
   277  object r14 b3 0
   278  merge r1 r14 0
   279  jump -> 280
   280  taint r0 -> 282
   281  return r1
   282  fail
rule data.polward.permissions: 0 parameters, 14 registers, 2 iterators, 2 builders
     0  mark r1
     1  start b0
     2  const r2 ""
     3  input r3 -> 7
     4  getk r4 r3 "resource" -> 7
     5  getk r5 r4 "type" -> 7
     6  move r2 r5
     7  const r4 {"*":[],"order":["refund"]}
     8  undef r5
     9  get r5 r4 r2 -> 11
    10  jump -> 13
    11  getk r7 r4 "*" -> 13
    12  move r5 r7
    13  defined r5 -> 30
    14  scan i0 r5 -> 30
    15  next i0 r7 r8 -> 30
    16  start b1
    17  with r8 ["input","action","name"]
    18  rule r11 data.polward.decision -> 24
    19  getk r12 r11 "allow" -> 24
    20  true r12 -> 24
    21  tuple r10 r13 0
    22  push b1 r10
    23  jump -> 24
    24  endwith 1
    25  array r9 b1
    26  scan i1 r9 -> 15
    27  next i1 r11 r12 -> 15
    28  push b0 r8
    29  jump -> 27
    30  taint r1 -> 33
    31  set r0 b0
    32  return r0
    33  fail
rule data.polward.roles: 0 parameters, 4 registers, 0 iterators, 0 builders
     0  mark r0
     1  undef r1
     2  closed 1
     3  rule r2 $roles -> 7
     4  getk r3 r2 0 -> 7
     5  merge r1 r3 0
     6  jump -> 7
     7  taint r0 -> 9
     8  return r1
     9  fail
rule data.shop: 0 parameters, 1 registers, 0 iterators, 1 builders
     0  start b0
     1  object r0 b0 0
     2  return r0
rule $statement:shop.small: 0 parameters, 5 registers, 0 iterators, 0 builders
     0  mark r0
     1  rule r1 $roles -> 11
     2  getk r2 r1 1 -> 11
     3  const r3 "clerk"
     4  in r3 r2 -> 11
     5  jump -> 6
     6  rule r3 data.shop.$permit-1-if -> 11
     7  true r3 -> 11
     8  taint r0 -> 11
     9  const r4 true
    10  return r4
    11  fail
rule $roles: 0 parameters, 18 registers, 2 iterators, 5 builders
     0  const r4 {"clerk":["clerk"],"manager":["clerk","manager"]}
     1  start b0
     2  start b1
     3  start b2
     4  mark r6
     5  const r7 ["clerk","manager"]
     6  rule r9 data.shop.$assign-1-from -> 15
     7  scan i0 r9 -> 15
     8  next i0 r10 r11 -> 15
     9  in r11 r7 -> 8
    10  get r12 r4 r11 -> 8
    11  scan i1 r12 -> 8
    12  next i1 r13 r14 -> 8
    13  push b0 r14
    14  jump -> 12
    15  error r8 r6 -> 23
    16  scan i0 r7 -> 23
    17  next i0 r10 r11 -> 23
    18  get r9 r4 r11 -> 17
    19  scan i1 r9 -> 17
    20  next i1 r12 r13 -> 17
    21  push b1 r13
    22  jump -> 20
    23  const r9 "shop.assign-1"
    24  error r11 r6 -> 32
    25  start b4
    26  const r14 "rule"
    27  put b4 r14 r9
    28  object r13 b4 0
    29  move r10 r13
    30  builtin r12 r10 object.union -> 32
    31  push b2 r12
    32  forgive r6
    33  set r0 b0
    34  start b3
    35  scan i0 r0 -> 39
    36  next i0 r13 r14 -> 39
    37  push b3 r14
    38  jump -> 36
    39  const r13 "anyone"
    40  push b3 r13
    41  input r14 -> 45
    42  getk r15 r14 "token" -> 45
    43  const r16 "authenticated"
    44  push b3 r16
    45  input r15 -> 49
    46  getk r16 r15 "cert" -> 49
    47  const r17 "authenticated"
    48  push b3 r17
    49  set r1 b3
    50  set r5 b1
    51  start b4
    52  scan i0 r1 -> 56
    53  next i0 r16 r17 -> 56
    54  push b4 r17
    55  jump -> 53
    56  scan i0 r5 -> 60
    57  next i0 r16 r17 -> 60
    58  push b4 r17
    59  jump -> 57
    60  set r2 b4
    61  array r3 b2
    62  tuple r16 r0 4
    63  return r16
rule data.shop.$assign-1-from: 0 parameters, 6 registers, 0 iterators, 0 builders
     0  mark r0
     1  undef r1
     2  input r2 -> 8
     3  getk r3 r2 "token" -> 8
     4  getk r4 r3 "claims" -> 8
     5  getk r5 r4 "roles" -> 8
     6  merge r1 r5 0
     7  jump -> 8
     8  taint r0 -> 10
     9  return r1
    10  fail
rule data.shop.$permit-1-if: 0 parameters, 7 registers, 0 iterators, 0 builders
     0  mark r0
     1  input r1 -> 11
     2  getk r2 r1 "resource" -> 11
     3  getk r3 r2 "amount" -> 11
     4  undef r4
     5  defined r4 -> 11
     6  const r5 null
     7  le r3 r5 -> 11
     8  forgive r0
     9  const r6 true
    10  return r6
    11  taint r0 -> 12
    12  fail
rule $statement:shop.own: 0 parameters, 3 registers, 0 iterators, 0 builders
     0  mark r0
     1  rule r1 data.shop.$forbid-1-if -> 5
     2  true r1 -> 5
     3  const r2 true
     4  return r2
     5  taint r0 -> 7
     6  jump -> 9
     7  const r1 true
     8  return r1
     9  fail
rule data.shop.$forbid-1-if: 0 parameters, 8 registers, 0 iterators, 0 builders
     0  mark r0
     1  input r1 -> 11
     2  getk r2 r1 "resource" -> 11
     3  getk r3 r2 "owner" -> 11
     4  input r4 -> 11
     5  getk r5 r4 "subject" -> 11
     6  getk r6 r5 "id" -> 11
     7  eq r3 r6 -> 11
     8  forgive r0
     9  const r7 true
    10  return r7
    11  taint r0 -> 12
    12  fail
rule data.shop.$permit-1-because: 0 parameters, 2 registers, 0 iterators, 0 builders
     0  mark r0
     1  forgive r0
     2  const r1 "up to the limit"
     3  return r1
entry "" = data
entry "polward" = data.polward
entry "polward/allow" = data.polward.allow
entry "polward/decision" = data.polward.decision
entry "polward/permissions" = data.polward.permissions
entry "polward/roles" = data.polward.roles
entry "shop" = data.shop
