# SPDX-License-Identifier: Apache-2.0
allow if input.x
