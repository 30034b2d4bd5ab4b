// SPDX-License-Identifier: Apache-2.0

//go:build tools

package main

import _ "github.com/open-policy-agent/opa/cmd" // of the program opa, which run.sh builds beside the drivers
