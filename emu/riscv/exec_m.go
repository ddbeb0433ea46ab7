// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"math"
	"math/bits"
)

// M extension: the high halves of products, and division with the results that the
// manual gives for division by zero and overflow (unprivileged specification, 12).

func mulh(a, b uint64) uint64 {
	hi, _ := bits.Mul64(a, b)
	return hi - uint64(int64(a)>>63)&b - uint64(int64(b)>>63)&a
}

func mulhsu(a, b uint64) uint64 {
	hi, _ := bits.Mul64(a, b)
	return hi - uint64(int64(a)>>63)&b
}

func div(a, b uint64) uint64 {
	switch {
	case b == 0:
		return math.MaxUint64
	case int64(a) == math.MinInt64 && int64(b) == -1:
		return a
	}
	return uint64(int64(a) / int64(b))
}

func divu(a, b uint64) uint64 {
	if b == 0 {
		return math.MaxUint64
	}
	return a / b
}

func rem(a, b uint64) uint64 {
	switch {
	case b == 0:
		return a
	case int64(b) == -1:
		return 0
	}
	return uint64(int64(a) % int64(b))
}

func remu(a, b uint64) uint64 {
	if b == 0 {
		return a
	}
	return a % b
}

func divw(a, b uint64) uint64 {
	x, y := int32(a), int32(b)
	switch {
	case y == 0:
		return math.MaxUint64
	case x == math.MinInt32 && y == -1:
		return uint64(int64(x))
	}
	return uint64(int64(x / y))
}

func divuw(a, b uint64) uint64 {
	if uint32(b) == 0 {
		return math.MaxUint64
	}
	return uint64(int64(int32(uint32(a) / uint32(b))))
}

func remw(a, b uint64) uint64 {
	x, y := int32(a), int32(b)
	switch y {
	case 0:
		return uint64(int64(x))
	case -1:
		return 0
	}
	return uint64(int64(x % y))
}

func remuw(a, b uint64) uint64 {
	if uint32(b) == 0 {
		return uint64(int64(int32(a)))
	}
	return uint64(int64(int32(uint32(a) % uint32(b))))
}
