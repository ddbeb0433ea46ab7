// SPDX-License-Identifier: Apache-2.0

package fdt

import (
	"encoding/binary"
	"fmt"
	"strings"

	"vdev/mmio"
)

type property struct {
	name  string
	value value
}

// form says how a value is best shown to people.
type form uint8

const (
	formGuess form = iota // decoded from a blob, which carries no types
	formStrings
	formCells
	formBytes
)

// value is a property value: big-endian bytes, in which the cells at refs are to
// be filled with phandles.
type value struct {
	data []byte
	refs []cellRef
	form form
	err  error // the value cannot be encoded
}

type cellRef struct {
	off  int // byte offset into data
	node *Node
}

// makeValue converts v, keeping the error for Encode.
func makeValue(v any) value {
	var val value
	switch v := v.(type) {
	case nil:
	case string:
		val.addString(v)
	case []string:
		for _, s := range v {
			val.addString(s)
		}
	case []byte:
		val.form = formBytes
		val.data = append(val.data, v...)
	case []any:
		for _, e := range v {
			val.addCells(e)
		}
	case []mmio.DTRef:
		for _, e := range v {
			val.addCells(e)
		}
	default:
		val.addCells(v)
	}
	return val
}

func (val *value) addString(s string) {
	val.form = formStrings
	if strings.IndexByte(s, 0) >= 0 {
		val.fail("string %.40q holds a NUL", s)
	}
	val.data = append(append(val.data, s...), 0)
}

func (val *value) addCells(e any) {
	val.form = formCells
	switch e := e.(type) {
	case uint32:
		val.data = binary.BigEndian.AppendUint32(val.data, e)
	case []uint32:
		for _, c := range e {
			val.data = binary.BigEndian.AppendUint32(val.data, c)
		}
	case uint64:
		val.data = binary.BigEndian.AppendUint64(val.data, e)
	case []uint64:
		for _, c := range e {
			val.data = binary.BigEndian.AppendUint64(val.data, c)
		}
	case ref:
		val.refs = append(val.refs, cellRef{len(val.data), e.node})
		val.data = binary.BigEndian.AppendUint32(val.data, 0)
	default:
		val.fail("unsupported type %T", e)
	}
}

// fail keeps the first error.
func (val *value) fail(format string, args ...any) {
	if val.err == nil {
		val.err = fmt.Errorf(format, args...)
	}
}
