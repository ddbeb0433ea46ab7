// SPDX-License-Identifier: Apache-2.0

package isa

// form is how one compressed instruction is written.
type form struct{ name, operands string }
