// SPDX-License-Identifier: Apache-2.0

package isa

import (
	"cmp"
	"slices"
	"strconv"
)

// XName is the ABI name of an integer register (psABI, "Integer Register
// Convention"): "zero", "ra", "sp", ... n counts modulo 32.
func XName(n uint8) string {
	n &= 31
	switch {
	case n < 5:
		return [5]string{"zero", "ra", "sp", "gp", "tp"}[n]
	case n < 8:
		return "t" + strconv.Itoa(int(n)-5)
	case n < 10:
		return "s" + strconv.Itoa(int(n)-8)
	case n < 18:
		return "a" + strconv.Itoa(int(n)-10)
	case n < 28:
		return "s" + strconv.Itoa(int(n)-16)
	}
	return "t" + strconv.Itoa(int(n)-25)
}

// FName is the ABI name of a floating-point register (psABI, "Floating-point
// Register Convention"): "ft0", "fs0", "fa0", ... n counts modulo 32.
func FName(n uint8) string {
	n &= 31
	switch {
	case n < 8:
		return "ft" + strconv.Itoa(int(n))
	case n < 10:
		return "fs" + strconv.Itoa(int(n)-8)
	case n < 18:
		return "fa" + strconv.Itoa(int(n)-10)
	case n < 28:
		return "fs" + strconv.Itoa(int(n)-16)
	}
	return "ft" + strconv.Itoa(int(n)-20)
}

// csrName names a control and status register.
type csrName struct {
	number uint16
	name   string
}

// CSRName is the name of a control and status register (privileged manual, "CSR
// Listing"), or "" if rv64.isa names none of this number.
func CSRName(number uint16) string {
	k, ok := slices.BinarySearchFunc(csrNames[:], number, func(c csrName, n uint16) int {
		return cmp.Compare(c.number, n)
	})
	if !ok {
		return ""
	}
	return csrNames[k].name
}
