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
    13  rule r1 data.polward.trace -> 16
    14  const r2 "trace"
    15  put b0 r2 r1
    16  object r0 b0 0
    17  return r0
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
rule data.polward.decision: 0 parameters, 39 registers, 2 iterators, 7 builders
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
    18  rule r10 $roles -> 305
    19  getk r11 r10 3 -> 305
    20  scan i0 r11 -> 24
    21  next i0 r12 r13 -> 24
    22  push b0 r13
    23  jump -> 21
    24  const r12 false
    25  const r14 {"*":{},"order":{"refund":[[["resource"],false,false,["objec... (350 bytes)
    26  undef r15
    27  get r16 r14 r6 -> 30
    28  move r15 r16
    29  jump -> 32
    30  getk r17 r14 "*" -> 32
    31  move r15 r17
    32  defined r15 -> 48
    33  undef r17
    34  get r18 r15 r8 -> 37
    35  move r17 r18
    36  jump -> 39
    37  getk r19 r15 "*" -> 39
    38  move r17 r19
    39  defined r17 -> 48
    40  input r19 -> 48
    41  move r20 r17
    42  builtin r13 r19 internal.input_errors -> 48
    43  scan i0 r13 -> 48
    44  next i0 r21 r22 -> 48
    45  push b0 r22
    46  const r12 true
    47  jump -> 44
    48  eqk r12 false -> 218
    49  start b1
    50  start b2
    51  input r14 -> 78
    52  getk r15 r14 "token" -> 78
    53  const r16 {"order":{"*":[[],"no scope covers this action"],"refund":[[... (116 bytes)
    54  undef r17
    55  get r18 r16 r6 -> 58
    56  move r17 r18
    57  jump -> 60
    58  getk r19 r16 "*" -> 60
    59  move r17 r19
    60  defined r17 -> 78
    61  undef r19
    62  get r20 r17 r8 -> 65
    63  move r19 r20
    64  jump -> 67
    65  getk r21 r17 "*" -> 67
    66  move r19 r21
    67  defined r19 -> 78
    68  getk r21 r19 0 -> 78
    69  getk r22 r19 1 -> 78
    70  getk r23 r15 "scopes" -> 75
    71  scan i0 r21 -> 75
    72  next i0 r24 r25 -> 75
    73  in r25 r23 -> 72
    74  jump -> 78
    75  const r23 "scope"
    76  push b1 r23
    77  move r5 r22
    78  const r15 {}
    79  undef r16
    80  get r17 r15 r6 -> 83
    81  move r16 r17
    82  jump -> 85
    83  getk r18 r15 "*" -> 85
    84  move r16 r18
    85  defined r16 -> 133
    86  undef r18
    87  get r19 r16 r8 -> 90
    88  move r18 r19
    89  jump -> 92
    90  getk r20 r16 "*" -> 92
    91  move r18 r20
    92  defined r18 -> 133
    93  getk r21 r18 "forbids" -> 102
    94  getk r22 r10 2 -> 102
    95  scan i0 r22 -> 102
    96  next i0 r23 r24 -> 102
    97  get r20 r21 r24 -> 96
    98  scan i1 r20 -> 96
    99  next i1 r25 r26 -> 96
   100  push b1 r26
   101  jump -> 99
   102  getk r22 r18 "permits" -> 111
   103  getk r23 r10 1 -> 111
   104  scan i0 r23 -> 111
   105  next i0 r24 r25 -> 111
   106  get r21 r22 r25 -> 105
   107  scan i1 r21 -> 105
   108  next i1 r26 r27 -> 105
   109  push b2 r27
   110  jump -> 108
   111  getk r23 r18 "conditional" -> 133
   112  scan i0 r23 -> 133
   113  next i0 r24 r25 -> 133
   114  getk r26 r25 0 -> 113
   115  getk r27 r25 1 -> 113
   116  getk r28 r25 2 -> 113
   117  mark r29
   118  rulex r22 r27 -> 123
   119  true r26 -> 122
   120  push b1 r28
   121  jump -> 123
   122  push b2 r28
   123  error r31 r29 -> 131
   124  start b3
   125  const r34 "rule"
   126  put b3 r34 r28
   127  object r33 b3 0
   128  move r30 r33
   129  builtin r32 r30 object.union -> 131
   130  push b0 r32
   131  forgive r29
   132  jump -> 113
   133  array r15 b1
   134  isarray r15 0 -> 136
   135  jump -> 140
   136  move r4 r15
   137  const r2 "forbid"
   138  const r3 "scope"
   139  jump -> 218
   140  array r16 b2
   141  isarray r16 0 -> 143
   142  jump -> 147
   143  move r4 r16
   144  const r2 "permit"
   145  const r3 "scope"
   146  jump -> 218
   147  start b3
   148  start b4
   149  const r17 {"order":{"refund":{"conditional":[[false,8,"shop.small"],[t... (82 bytes)
   150  undef r18
   151  get r19 r17 r6 -> 154
   152  move r18 r19
   153  jump -> 156
   154  getk r20 r17 "*" -> 156
   155  move r18 r20
   156  defined r18 -> 204
   157  undef r20
   158  get r21 r18 r8 -> 161
   159  move r20 r21
   160  jump -> 163
   161  getk r22 r18 "*" -> 163
   162  move r20 r22
   163  defined r20 -> 204
   164  getk r23 r20 "forbids" -> 173
   165  getk r24 r10 2 -> 173
   166  scan i0 r24 -> 173
   167  next i0 r25 r26 -> 173
   168  get r22 r23 r26 -> 167
   169  scan i1 r22 -> 167
   170  next i1 r27 r28 -> 167
   171  push b3 r28
   172  jump -> 170
   173  getk r24 r20 "permits" -> 182
   174  getk r25 r10 1 -> 182
   175  scan i0 r25 -> 182
   176  next i0 r26 r27 -> 182
   177  get r23 r24 r27 -> 176
   178  scan i1 r23 -> 176
   179  next i1 r28 r29 -> 176
   180  push b4 r29
   181  jump -> 179
   182  getk r25 r20 "conditional" -> 204
   183  scan i0 r25 -> 204
   184  next i0 r26 r27 -> 204
   185  getk r28 r27 0 -> 184
   186  getk r29 r27 1 -> 184
   187  getk r30 r27 2 -> 184
   188  mark r31
   189  rulex r24 r29 -> 194
   190  true r28 -> 193
   191  push b3 r30
   192  jump -> 194
   193  push b4 r30
   194  error r33 r31 -> 202
   195  start b5
   196  const r36 "rule"
   197  put b5 r36 r30
   198  object r35 b5 0
   199  move r32 r35
   200  builtin r34 r32 object.union -> 202
   201  push b0 r34
   202  forgive r31
   203  jump -> 184
   204  array r17 b3
   205  isarray r17 0 -> 207
   206  jump -> 211
   207  move r4 r17
   208  const r2 "forbid"
   209  const r3 "role"
   210  jump -> 218
   211  array r18 b4
   212  isarray r18 0 -> 214
   213  jump -> 218
   214  move r4 r18
   215  const r2 "permit"
   216  const r3 "role"
   217  jump -> 218
   218  start b1
   219  scan i0 r4 -> 223
   220  next i0 r15 r16 -> 223
   221  push b1 r16
   222  jump -> 220
   223  set r14 b1
   224  start b2
   225  scan i0 r14 -> 229
   226  next i0 r16 r17 -> 229
   227  push b2 r17
   228  jump -> 226
   229  array r15 b2
   230  move r4 r15
   231  const r18 false
   232  eqk r2 "permit" -> 234
   233  const r18 true
   234  const r22 {"shop.small":14}
   235  mark r23
   236  start b4
   237  scan i0 r4 -> 257
   238  next i0 r24 r25 -> 257
   239  eqk r25 "scope" -> 247
   240  start b5
   241  const r27 "rule"
   242  put b5 r27 r25
   243  const r28 "text"
   244  put b5 r28 r5
   245  object r26 b5 0
   246  push b4 r26
   247  get r21 r22 r25 -> 238
   248  rulex r20 r21 -> 238
   249  start b5
   250  const r27 "rule"
   251  put b5 r27 r25
   252  const r28 "text"
   253  put b5 r28 r20
   254  object r26 b5 0
   255  push b4 r26
   256  jump -> 238
   257  forgive r23
   258  array r19 b4
   259  const r27 {}
   260  mark r28
   261  start b5
   262  scan i0 r4 -> 274
   263  next i0 r29 r30 -> 274
   264  get r26 r27 r30 -> 263
   265  rulex r25 r26 -> 263
   266  start b6
   267  const r32 "rule"
   268  put b6 r32 r30
   269  const r33 "value"
   270  put b6 r33 r25
   271  object r31 b6 0
   272  push b5 r31
   273  jump -> 263
   274  forgive r28
   275  array r24 b5
   276  getk r29 r10 0 -> 305
   277  start b6
   278  scan i0 r29 -> 282
   279  next i0 r31 r32 -> 282
   280  push b6 r32
   281  jump -> 279
   282  array r30 b6
   283  array r17 b0
   284  start b3
   285  const r31 "allow"
   286  put b3 r31 r18
   287  const r32 "effect"
   288  put b3 r32 r2
   289  const r33 "rules"
   290  put b3 r33 r4
   291  const r34 "reasons"
   292  put b3 r34 r19
   293  const r35 "context"
   294  put b3 r35 r24
   295  const r36 "roles"
   296  put b3 r36 r30
   297  const r37 "errors"
   298  put b3 r37 r17
   299  defined r3 -> 302
   300  const r38 "tier"
   301  put b3 r38 r3
   302  object r16 b3 0
   303  merge r1 r16 0
   304  jump -> 305
   305  taint r0 -> 307
   306  return r1
   307  fail
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
rule data.polward.trace: 0 parameters, 5 registers, 0 iterators, 0 builders
     0  mark r0
     1  undef r1
     2  rule r4 data.polward.decision -> 6
     3  builtin r3 r4 internal.trace -> 6
     4  merge r1 r3 0
     5  jump -> 6
     6  taint r0 -> 8
     7  return r1
     8  fail
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
entry "polward/trace" = data.polward.trace
entry "shop" = data.shop
