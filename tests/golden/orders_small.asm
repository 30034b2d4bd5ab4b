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
rule data.polward.allow: 0 parameters, 37 registers, 2 iterators, 6 builders
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
    18  rule r10 $roles -> 270
    19  getk r11 r10 3 -> 270
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
    48  eqk r12 false -> 265
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
    85  defined r16 -> 157
    86  undef r18
    87  get r19 r16 r8 -> 90
    88  move r18 r19
    89  jump -> 92
    90  getk r20 r16 "*" -> 92
    91  move r18 r20
    92  defined r18 -> 157
    93  getk r21 r18 "forbids" -> 118
    94  getk r22 r10 0 -> 102
    95  scan i0 r22 -> 102
    96  next i0 r23 r24 -> 102
    97  get r20 r21 r24 -> 96
    98  scan i1 r20 -> 96
    99  next i1 r25 r26 -> 96
   100  push b1 r26
   101  jump -> 99
   102  getk r22 r10 1 -> 110
   103  scan i0 r22 -> 110
   104  next i0 r23 r24 -> 110
   105  get r20 r21 r24 -> 104
   106  scan i1 r20 -> 104
   107  next i1 r25 r26 -> 104
   108  push b1 r26
   109  jump -> 107
   110  getk r22 r10 2 -> 118
   111  scan i0 r22 -> 118
   112  next i0 r23 r24 -> 118
   113  get r20 r21 r24 -> 112
   114  scan i1 r20 -> 112
   115  next i1 r25 r26 -> 112
   116  push b1 r26
   117  jump -> 115
   118  getk r22 r18 "permits" -> 135
   119  getk r23 r10 0 -> 127
   120  scan i0 r23 -> 127
   121  next i0 r24 r25 -> 127
   122  get r21 r22 r25 -> 121
   123  scan i1 r21 -> 121
   124  next i1 r26 r27 -> 121
   125  push b2 r27
   126  jump -> 124
   127  getk r23 r10 1 -> 135
   128  scan i0 r23 -> 135
   129  next i0 r24 r25 -> 135
   130  get r21 r22 r25 -> 129
   131  scan i1 r21 -> 129
   132  next i1 r26 r27 -> 129
   133  push b2 r27
   134  jump -> 132
   135  getk r23 r18 "conditional" -> 157
   136  scan i0 r23 -> 157
   137  next i0 r24 r25 -> 157
   138  getk r26 r25 0 -> 137
   139  getk r27 r25 1 -> 137
   140  getk r28 r25 2 -> 137
   141  mark r29
   142  rulex r22 r27 -> 147
   143  true r26 -> 146
   144  push b1 r28
   145  jump -> 147
   146  push b2 r28
   147  error r31 r29 -> 155
   148  start b3
   149  const r34 "rule"
   150  put b3 r34 r28
   151  object r33 b3 0
   152  move r30 r33
   153  builtin r32 r30 object.union -> 155
   154  push b0 r32
   155  forgive r29
   156  jump -> 137
   157  array r15 b1
   158  isarray r15 0 -> 160
   159  jump -> 164
   160  move r4 r15
   161  const r2 "forbid"
   162  const r3 "scope"
   163  jump -> 265
   164  array r16 b2
   165  isarray r16 0 -> 167
   166  jump -> 171
   167  move r4 r16
   168  const r2 "permit"
   169  const r3 "scope"
   170  jump -> 265
   171  start b3
   172  start b4
   173  const r17 {"order":{"refund":{"conditional":[[false,8,"shop.small"],[t... (82 bytes)
   174  undef r18
   175  get r19 r17 r6 -> 178
   176  move r18 r19
   177  jump -> 180
   178  getk r20 r17 "*" -> 180
   179  move r18 r20
   180  defined r18 -> 251
   181  undef r20
   182  get r21 r18 r8 -> 185
   183  move r20 r21
   184  jump -> 187
   185  getk r22 r18 "*" -> 187
   186  move r20 r22
   187  defined r20 -> 251
   188  getk r23 r20 "forbids" -> 213
   189  getk r24 r10 0 -> 197
   190  scan i0 r24 -> 197
   191  next i0 r25 r26 -> 197
   192  get r22 r23 r26 -> 191
   193  scan i1 r22 -> 191
   194  next i1 r27 r28 -> 191
   195  push b3 r28
   196  jump -> 194
   197  getk r24 r10 1 -> 205
   198  scan i0 r24 -> 205
   199  next i0 r25 r26 -> 205
   200  get r22 r23 r26 -> 199
   201  scan i1 r22 -> 199
   202  next i1 r27 r28 -> 199
   203  push b3 r28
   204  jump -> 202
   205  getk r24 r10 2 -> 213
   206  scan i0 r24 -> 213
   207  next i0 r25 r26 -> 213
   208  get r22 r23 r26 -> 207
   209  scan i1 r22 -> 207
   210  next i1 r27 r28 -> 207
   211  push b3 r28
   212  jump -> 210
   213  getk r24 r20 "permits" -> 230
   214  getk r25 r10 0 -> 222
   215  scan i0 r25 -> 222
   216  next i0 r26 r27 -> 222
   217  get r23 r24 r27 -> 216
   218  scan i1 r23 -> 216
   219  next i1 r28 r29 -> 216
   220  push b4 r29
   221  jump -> 219
   222  getk r25 r10 1 -> 230
   223  scan i0 r25 -> 230
   224  next i0 r26 r27 -> 230
   225  get r23 r24 r27 -> 224
   226  scan i1 r23 -> 224
   227  next i1 r28 r29 -> 224
   228  push b4 r29
   229  jump -> 227
   230  getk r25 r20 "conditional" -> 251
   231  scan i0 r25 -> 251
   232  next i0 r26 r27 -> 251
   233  getk r28 r27 0 -> 232
   234  getk r29 r27 1 -> 232
   235  getk r30 r27 2 -> 232
   236  mark r31
   237  rulex r24 r29 -> 242
   238  true r28 -> 241
   239  push b3 r30
   240  jump -> 242
   241  push b4 r30
   242  error r33 r31 -> 249
   243  start b5
   244  const r36 "rule"
   245  put b5 r36 r30
   246  object r32 b5 0
   247  builtin r34 r32 object.union -> 249
   248  push b0 r34
   249  forgive r31
   250  jump -> 232
   251  array r17 b3
   252  isarray r17 0 -> 254
   253  jump -> 258
   254  move r4 r17
   255  const r2 "forbid"
   256  const r3 "role"
   257  jump -> 265
   258  array r18 b4
   259  isarray r18 0 -> 261
   260  jump -> 265
   261  move r4 r18
   262  const r2 "permit"
   263  const r3 "role"
   264  jump -> 265
   265  const r14 false
   266  eqk r2 "permit" -> 268
   267  const r14 true
   268  merge r1 r14 0
   269  jump -> 270
   270  taint r0 -> 272
   271  return r1
   272  fail
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
    18  rule r10 $roles -> 353
    19  getk r11 r10 3 -> 353
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
    48  eqk r12 false -> 266
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
    85  defined r16 -> 157
    86  undef r18
    87  get r19 r16 r8 -> 90
    88  move r18 r19
    89  jump -> 92
    90  getk r20 r16 "*" -> 92
    91  move r18 r20
    92  defined r18 -> 157
    93  getk r21 r18 "forbids" -> 118
    94  getk r22 r10 0 -> 102
    95  scan i0 r22 -> 102
    96  next i0 r23 r24 -> 102
    97  get r20 r21 r24 -> 96
    98  scan i1 r20 -> 96
    99  next i1 r25 r26 -> 96
   100  push b1 r26
   101  jump -> 99
   102  getk r22 r10 1 -> 110
   103  scan i0 r22 -> 110
   104  next i0 r23 r24 -> 110
   105  get r20 r21 r24 -> 104
   106  scan i1 r20 -> 104
   107  next i1 r25 r26 -> 104
   108  push b1 r26
   109  jump -> 107
   110  getk r22 r10 2 -> 118
   111  scan i0 r22 -> 118
   112  next i0 r23 r24 -> 118
   113  get r20 r21 r24 -> 112
   114  scan i1 r20 -> 112
   115  next i1 r25 r26 -> 112
   116  push b1 r26
   117  jump -> 115
   118  getk r22 r18 "permits" -> 135
   119  getk r23 r10 0 -> 127
   120  scan i0 r23 -> 127
   121  next i0 r24 r25 -> 127
   122  get r21 r22 r25 -> 121
   123  scan i1 r21 -> 121
   124  next i1 r26 r27 -> 121
   125  push b2 r27
   126  jump -> 124
   127  getk r23 r10 1 -> 135
   128  scan i0 r23 -> 135
   129  next i0 r24 r25 -> 135
   130  get r21 r22 r25 -> 129
   131  scan i1 r21 -> 129
   132  next i1 r26 r27 -> 129
   133  push b2 r27
   134  jump -> 132
   135  getk r23 r18 "conditional" -> 157
   136  scan i0 r23 -> 157
   137  next i0 r24 r25 -> 157
   138  getk r26 r25 0 -> 137
   139  getk r27 r25 1 -> 137
   140  getk r28 r25 2 -> 137
   141  mark r29
   142  rulex r22 r27 -> 147
   143  true r26 -> 146
   144  push b1 r28
   145  jump -> 147
   146  push b2 r28
   147  error r31 r29 -> 155
   148  start b3
   149  const r34 "rule"
   150  put b3 r34 r28
   151  object r33 b3 0
   152  move r30 r33
   153  builtin r32 r30 object.union -> 155
   154  push b0 r32
   155  forgive r29
   156  jump -> 137
   157  array r15 b1
   158  isarray r15 0 -> 160
   159  jump -> 164
   160  move r4 r15
   161  const r2 "forbid"
   162  const r3 "scope"
   163  jump -> 266
   164  array r16 b2
   165  isarray r16 0 -> 167
   166  jump -> 171
   167  move r4 r16
   168  const r2 "permit"
   169  const r3 "scope"
   170  jump -> 266
   171  start b3
   172  start b4
   173  const r17 {"order":{"refund":{"conditional":[[false,8,"shop.small"],[t... (82 bytes)
   174  undef r18
   175  get r19 r17 r6 -> 178
   176  move r18 r19
   177  jump -> 180
   178  getk r20 r17 "*" -> 180
   179  move r18 r20
   180  defined r18 -> 252
   181  undef r20
   182  get r21 r18 r8 -> 185
   183  move r20 r21
   184  jump -> 187
   185  getk r22 r18 "*" -> 187
   186  move r20 r22
   187  defined r20 -> 252
   188  getk r23 r20 "forbids" -> 213
   189  getk r24 r10 0 -> 197
   190  scan i0 r24 -> 197
   191  next i0 r25 r26 -> 197
   192  get r22 r23 r26 -> 191
   193  scan i1 r22 -> 191
   194  next i1 r27 r28 -> 191
   195  push b3 r28
   196  jump -> 194
   197  getk r24 r10 1 -> 205
   198  scan i0 r24 -> 205
   199  next i0 r25 r26 -> 205
   200  get r22 r23 r26 -> 199
   201  scan i1 r22 -> 199
   202  next i1 r27 r28 -> 199
   203  push b3 r28
   204  jump -> 202
   205  getk r24 r10 2 -> 213
   206  scan i0 r24 -> 213
   207  next i0 r25 r26 -> 213
   208  get r22 r23 r26 -> 207
   209  scan i1 r22 -> 207
   210  next i1 r27 r28 -> 207
   211  push b3 r28
   212  jump -> 210
   213  getk r24 r20 "permits" -> 230
   214  getk r25 r10 0 -> 222
   215  scan i0 r25 -> 222
   216  next i0 r26 r27 -> 222
   217  get r23 r24 r27 -> 216
   218  scan i1 r23 -> 216
   219  next i1 r28 r29 -> 216
   220  push b4 r29
   221  jump -> 219
   222  getk r25 r10 1 -> 230
   223  scan i0 r25 -> 230
   224  next i0 r26 r27 -> 230
   225  get r23 r24 r27 -> 224
   226  scan i1 r23 -> 224
   227  next i1 r28 r29 -> 224
   228  push b4 r29
   229  jump -> 227
   230  getk r25 r20 "conditional" -> 252
   231  scan i0 r25 -> 252
   232  next i0 r26 r27 -> 252
   233  getk r28 r27 0 -> 232
   234  getk r29 r27 1 -> 232
   235  getk r30 r27 2 -> 232
   236  mark r31
   237  rulex r24 r29 -> 242
   238  true r28 -> 241
   239  push b3 r30
   240  jump -> 242
   241  push b4 r30
   242  error r33 r31 -> 250
   243  start b5
   244  const r36 "rule"
   245  put b5 r36 r30
   246  object r35 b5 0
   247  move r32 r35
   248  builtin r34 r32 object.union -> 250
   249  push b0 r34
   250  forgive r31
   251  jump -> 232
   252  array r17 b3
   253  isarray r17 0 -> 255
   254  jump -> 259
   255  move r4 r17
   256  const r2 "forbid"
   257  const r3 "role"
   258  jump -> 266
   259  array r18 b4
   260  isarray r18 0 -> 262
   261  jump -> 266
   262  move r4 r18
   263  const r2 "permit"
   264  const r3 "role"
   265  jump -> 266
   266  start b1
   267  scan i0 r4 -> 271
   268  next i0 r15 r16 -> 271
   269  push b1 r16
   270  jump -> 268
   271  set r14 b1
   272  start b2
   273  scan i0 r14 -> 277
   274  next i0 r16 r17 -> 277
   275  push b2 r17
   276  jump -> 274
   277  array r15 b2
   278  move r4 r15
   279  const r18 false
   280  eqk r2 "permit" -> 282
   281  const r18 true
   282  const r22 {"shop.small":14}
   283  mark r23
   284  start b4
   285  scan i0 r4 -> 305
   286  next i0 r24 r25 -> 305
   287  eqk r25 "scope" -> 295
   288  start b5
   289  const r27 "rule"
   290  put b5 r27 r25
   291  const r28 "text"
   292  put b5 r28 r5
   293  object r26 b5 0
   294  push b4 r26
   295  get r21 r22 r25 -> 286
   296  rulex r20 r21 -> 286
   297  start b5
   298  const r27 "rule"
   299  put b5 r27 r25
   300  const r28 "text"
   301  put b5 r28 r20
   302  object r26 b5 0
   303  push b4 r26
   304  jump -> 286
   305  forgive r23
   306  array r19 b4
   307  const r27 {}
   308  mark r28
   309  start b5
   310  scan i0 r4 -> 322
   311  next i0 r29 r30 -> 322
   312  get r26 r27 r30 -> 311
   313  rulex r25 r26 -> 311
   314  start b6
   315  const r32 "rule"
   316  put b6 r32 r30
   317  const r33 "value"
   318  put b6 r33 r25
   319  object r31 b6 0
   320  push b5 r31
   321  jump -> 311
   322  forgive r28
   323  array r24 b5
   324  getk r29 r10 0 -> 353
   325  start b6
   326  scan i0 r29 -> 330
   327  next i0 r31 r32 -> 330
   328  push b6 r32
   329  jump -> 327
   330  array r30 b6
   331  array r17 b0
   332  start b3
   333  const r31 "allow"
   334  put b3 r31 r18
   335  const r32 "effect"
   336  put b3 r32 r2
   337  const r33 "rules"
   338  put b3 r33 r4
   339  const r34 "reasons"
   340  put b3 r34 r19
   341  const r35 "context"
   342  put b3 r35 r24
   343  const r36 "roles"
   344  put b3 r36 r30
   345  const r37 "errors"
   346  put b3 r37 r17
   347  defined r3 -> 350
   348  const r38 "tier"
   349  put b3 r38 r3
   350  object r16 b3 0
   351  merge r1 r16 0
   352  jump -> 353
   353  taint r0 -> 355
   354  return r1
   355  fail
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
    13  defined r5 -> 29
    14  scan i0 r5 -> 29
    15  next i0 r7 r8 -> 29
    16  start b1
    17  with r8 ["input","action","name"]
    18  rule r11 data.polward.allow -> 23
    19  true r11 -> 23
    20  tuple r10 r12 0
    21  push b1 r10
    22  jump -> 23
    23  endwith 1
    24  array r9 b1
    25  scan i1 r9 -> 15
    26  next i1 r11 r12 -> 15
    27  push b0 r8
    28  jump -> 26
    29  taint r1 -> 32
    30  set r0 b0
    31  return r0
    32  fail
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
rule $statement:shop.small: 0 parameters, 4 registers, 0 iterators, 0 builders
     0  mark r0
     1  rule r1 $roles -> 11
     2  getk r2 r1 0 -> 6
     3  const r3 "clerk"
     4  in r3 r2 -> 11
     5  jump -> 6
     6  rule r2 data.shop.$permit-1-if -> 11
     7  true r2 -> 11
     8  taint r0 -> 11
     9  const r3 true
    10  return r3
    11  fail
rule $roles: 0 parameters, 14 registers, 2 iterators, 4 builders
     0  start b0
     1  start b1
     2  start b2
     3  mark r4
     4  const r6 ["clerk","manager"]
     5  const r7 {"clerk":["clerk"],"manager":["clerk","manager"]}
     6  rule r8 data.shop.$assign-1-from -> 14
     7  scan i0 r8 -> 14
     8  next i0 r10 r11 -> 14
     9  get r9 r7 r11 -> 8
    10  scan i1 r9 -> 8
    11  next i1 r12 r13 -> 8
    12  push b0 r13
    13  jump -> 11
    14  error r5 r4 -> 19
    15  scan i0 r6 -> 19
    16  next i0 r7 r8 -> 19
    17  push b1 r8
    18  jump -> 16
    19  const r7 "shop.assign-1"
    20  error r9 r4 -> 28
    21  start b3
    22  const r12 "rule"
    23  put b3 r12 r7
    24  object r11 b3 0
    25  move r8 r11
    26  builtin r10 r8 object.union -> 28
    27  push b2 r10
    28  forgive r4
    29  set r0 b0
    30  const r1 ["anyone"]
    31  input r11 -> 34
    32  getk r12 r11 "token" -> 34
    33  const r1 ["anyone","authenticated"]
    34  input r12 -> 37
    35  getk r13 r12 "cert" -> 37
    36  const r1 ["anyone","authenticated"]
    37  set r2 b1
    38  array r3 b2
    39  tuple r13 r0 4
    40  return r13
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
