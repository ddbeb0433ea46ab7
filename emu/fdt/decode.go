// SPDX-License-Identifier: Apache-2.0

package fdt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"vdev/mmio"
)

// Decode reads a blob of version 17, or of a later one that says it is compatible,
// from untrusted data, which may be longer than the blob. What it returns shares
// no memory with data, and passes every check that Encode makes but the one on
// size (the names in a blob may overlap).
func Decode(data []byte) (root *Node, reserved []Reserve, bootCPU uint32, err error) {
	fail := func(err error) (*Node, []Reserve, uint32, error) {
		return nil, nil, 0, fmt.Errorf("device tree blob: %w", err)
	}
	if len(data) < headerSize {
		return fail(errors.New("shorter than its header"))
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(data[4*i:]) }
	total, structAt, namesAt, rsvAt := word(1), word(2), word(3), word(4)
	switch {
	case word(0) != magic:
		return fail(fmt.Errorf("magic number is %#x, not %#x", word(0), uint32(magic)))
	case word(5) < version || word(6) > version:
		return fail(fmt.Errorf("version %d (compatible with %d) is not supported", word(5), word(6)))
	case total > MaxSize:
		return fail(fmt.Errorf("claims %d bytes, more than the limit of %d", total, MaxSize))
	case int(total) > len(data):
		return fail(fmt.Errorf("truncated: has %d of %d bytes", len(data), total))
	case total < headerSize:
		return fail(fmt.Errorf("claims only %d bytes", total))
	}
	data = data[:total]
	structs, err := slice(data, structAt, word(9), "structure")
	if err != nil {
		return fail(err)
	}
	names, err := slice(data, namesAt, word(8), "strings")
	if err != nil {
		return fail(err)
	}
	if reserved, err = decodeReserved(data, rsvAt); err != nil {
		return fail(err)
	}
	d := decoder{structs: structs, names: names}
	if root, err = d.tree(); err != nil {
		return fail(err)
	}
	// Duplicate and malformed phandles are found by the code that hands them out.
	if _, err = assignPhandles(root); err != nil {
		return fail(err)
	}
	return root, reserved, word(7), nil
}

// slice returns the block of size bytes at off, bounds checked.
func slice(data []byte, off, size uint32, what string) ([]byte, error) {
	if uint64(off)+uint64(size) > uint64(len(data)) {
		return nil, fmt.Errorf("%s block is outside the blob", what)
	}
	return data[off : off+size], nil
}

func decodeReserved(data []byte, at uint32) ([]Reserve, error) {
	if at%8 != 0 || int64(at) > int64(len(data)) {
		return nil, errors.New("reservation block is misplaced")
	}
	var out []Reserve
	for rest := data[at:]; len(rest) >= reserveSize; rest = rest[reserveSize:] {
		r := Reserve{mmio.PhysAddr(binary.BigEndian.Uint64(rest)), binary.BigEndian.Uint64(rest[8:])}
		if r == (Reserve{}) {
			return out, nil
		}
		if r.Size == 0 {
			return nil, errors.New("empty memory reservation")
		}
		out = append(out, r)
	}
	return nil, errors.New("reservation block has no end")
}

type decoder struct {
	structs []byte
	names   []byte
	pos     int
}

var errStructEnd = errors.New("structure block ends early")

func (d *decoder) u32() (uint32, error) {
	if len(d.structs)-d.pos < 4 {
		return 0, errStructEnd
	}
	v := binary.BigEndian.Uint32(d.structs[d.pos:])
	d.pos += 4
	return v, nil
}

// token returns the next token that means something.
func (d *decoder) token() (uint32, error) {
	for {
		t, err := d.u32()
		if err != nil || t != tokNop {
			return t, err
		}
	}
}

// skip moves past n bytes and their padding. The position may then be past the
// end, which the next u32 reports.
func (d *decoder) skip(n int) { d.pos = min(align(d.pos+n, 4), len(d.structs)) }

// tree decodes the whole structure block. It does not recurse: n is the innermost
// open node.
func (d *decoder) tree() (*Node, error) {
	root := New()
	if t, err := d.token(); err != nil {
		return nil, err
	} else if t != tokBeginNode {
		return nil, fmt.Errorf("starts with token %d, not a node", t)
	}
	if name, err := d.nodeName(); err != nil {
		return nil, err
	} else if name != "" {
		return nil, fmt.Errorf("the root is named %.40q", name)
	}
	for n, depth := root, 1; n != nil; {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		switch t {
		case tokProp:
			err = d.prop(n)
		case tokBeginNode:
			if depth++; depth > maxDepth {
				return nil, fmt.Errorf("more than %d levels", maxDepth)
			}
			n, err = d.begin(n)
		case tokEndNode:
			n = n.parent
			depth--
		default:
			err = fmt.Errorf("unknown token %#x", t)
		}
		if err != nil {
			return nil, err
		}
	}
	if t, err := d.token(); err != nil {
		return nil, err
	} else if t != tokEnd {
		return nil, fmt.Errorf("token %#x after the root's end", t)
	}
	return root, nil
}

func (d *decoder) nodeName() (string, error) {
	rest := d.structs[d.pos:]
	rest = rest[:min(len(rest), maxNameLen+1)]
	end := bytes.IndexByte(rest, 0)
	if end < 0 {
		return "", errors.New("a node name has no end")
	}
	d.skip(end + 1)
	return string(rest[:end]), nil
}

func (d *decoder) begin(parent *Node) (*Node, error) {
	name, err := d.nodeName()
	if err != nil {
		return nil, err
	}
	if err := checkNodeName(name); err != nil {
		return nil, fmt.Errorf("in %s: %w", parent.Path(), err)
	}
	if parent.childAt[name] != nil {
		return nil, fmt.Errorf("%s has two children %s", parent.Path(), name)
	}
	return parent.child(name), nil
}

func (d *decoder) prop(n *Node) error {
	size, err := d.u32()
	if err != nil {
		return err
	}
	at, err := d.u32()
	if err != nil {
		return err
	}
	if uint64(size) > uint64(len(d.structs)-d.pos) {
		return errStructEnd
	}
	if uint64(at) >= uint64(len(d.names)) {
		return errors.New("a property name is outside the strings block")
	}
	raw := d.names[at:]
	raw = raw[:min(len(raw), maxNameLen+1)]
	end := bytes.IndexByte(raw, 0)
	if end < 0 {
		return errors.New("a property name has no end")
	}
	name := string(raw[:end])
	if err := checkPropName(name); err != nil {
		return fmt.Errorf("%s: %w", n.Path(), err)
	}
	if _, dup := n.propAt[name]; dup {
		return fmt.Errorf("%s has two properties %s", n.Path(), name)
	}
	// Properties must precede children (5.4.1); Encode could not keep such an order.
	if len(n.children) != 0 {
		return fmt.Errorf("%s: property %s follows a child", n.Path(), name)
	}
	v := makeValue(d.structs[d.pos : d.pos+int(size)])
	v.form = formGuess
	n.propAt[name] = len(n.props)
	n.props = append(n.props, property{name, v})
	d.skip(int(size))
	return nil
}
