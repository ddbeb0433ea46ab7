// SPDX-License-Identifier: Apache-2.0

package fdt

import (
	"encoding/binary"
	"errors"
	"fmt"

	"vdev/mmio"
)

// MaxSize is the largest blob, in bytes, that Encode makes and Decode takes. Linux
// maps no more than 2 MiB before it has page tables of its own.
const MaxSize = 2 << 20

// maxDepth bounds the nesting of nodes, as FDT_MAX_DEPTH does in Linux
// (drivers/of/fdt.c).
const maxDepth = 64

// The blob's layout (Devicetree Specification v0.4, 5.2 and 5.4).
const (
	magic           = 0xd00dfeed
	version         = 17
	lastCompVersion = 16
	headerSize      = 40
	reserveSize     = 16

	tokBeginNode = 1
	tokEndNode   = 2
	tokProp      = 3
	tokNop       = 4
	tokEnd       = 9
)

// Reserve is one entry of the memory reservation block: memory the kernel must
// not touch.
type Reserve struct {
	Addr mmio.PhysAddr
	Size uint64 // in bytes, not zero
}

// Encode flattens the tree at root into a blob. bootCPU is the hart id of the
// hart that starts the kernel. The tree is not changed. Every error names the
// node, and the property where there is one.
func Encode(root *Node, reserved []Reserve, bootCPU uint32) ([]byte, error) {
	if root.parent != nil {
		return nil, fmt.Errorf("device tree: %s is not the root", root.Path())
	}
	handles, err := assignPhandles(root)
	if err != nil {
		return nil, fmt.Errorf("device tree: %w", err)
	}
	e := encoder{root: root, handles: handles, nameAt: map[string]uint32{}}
	if err := e.node(root, 1); err != nil {
		return nil, fmt.Errorf("device tree: %w", err)
	}
	e.u32(tokEnd)

	be := binary.BigEndian
	rsv := headerSize
	structs := rsv + (len(reserved)+1)*reserveSize
	names := structs + len(e.structs)
	total := align(names+len(e.names), 8)
	if total > MaxSize {
		return nil, fmt.Errorf("device tree: %d bytes are more than the %d that Linux takes", total, MaxSize)
	}
	out := make([]byte, 0, total)
	for _, v := range []uint32{
		magic, uint32(total), uint32(structs), uint32(names), uint32(rsv), version,
		lastCompVersion, bootCPU, uint32(len(e.names)), uint32(len(e.structs)),
	} {
		out = be.AppendUint32(out, v)
	}
	for _, r := range reserved {
		if r.Size == 0 {
			return nil, fmt.Errorf("device tree: empty memory reservation at %#x", uint64(r.Addr))
		}
		out = be.AppendUint64(be.AppendUint64(out, uint64(r.Addr)), r.Size)
	}
	out = append(out, make([]byte, reserveSize)...)
	out = append(append(out, e.structs...), e.names...)
	return append(out, make([]byte, total-len(out))...), nil
}

type encoder struct {
	root    *Node
	handles map[*Node]uint32
	structs []byte
	names   []byte
	nameAt  map[string]uint32 // offset in names
}

func (e *encoder) u32(v uint32) { e.structs = binary.BigEndian.AppendUint32(e.structs, v) }

// pad fills up to the next token.
func (e *encoder) pad() {
	for len(e.structs)%4 != 0 {
		e.structs = append(e.structs, 0)
	}
}

func (e *encoder) node(n *Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: more than %d levels", n.Path(), maxDepth)
	}
	if n != e.root {
		if err := checkNodeName(n.name); err != nil {
			return fmt.Errorf("in %s: %w", n.parent.Path(), err)
		}
	}
	e.u32(tokBeginNode)
	e.structs = append(append(e.structs, n.name...), 0)
	e.pad()
	for i := range n.props {
		if err := e.prop(&n.props[i]); err != nil {
			return fmt.Errorf("%s: %w", n.Path(), err)
		}
	}
	if h := e.handles[n]; h != 0 && !n.hasOwnPhandle() {
		if err := e.prop(&property{name: "phandle", value: makeValue(h)}); err != nil {
			return err
		}
	}
	for _, c := range n.children {
		if err := e.node(c, depth+1); err != nil {
			return err
		}
	}
	e.u32(tokEndNode)
	return nil
}

func (e *encoder) prop(p *property) error {
	if err := checkPropName(p.name); err != nil {
		return err
	}
	if p.value.err != nil {
		return fmt.Errorf("property %s: %w", p.name, p.value.err)
	}
	at, ok := e.nameAt[p.name]
	if !ok {
		at = uint32(len(e.names))
		e.nameAt[p.name] = at
		e.names = append(append(e.names, p.name...), 0)
	}
	e.u32(tokProp)
	e.u32(uint32(len(p.value.data)))
	e.u32(at)
	start := len(e.structs)
	e.structs = append(e.structs, p.value.data...)
	e.pad()
	for _, r := range p.value.refs {
		h, ok := e.handles[r.node]
		if !ok {
			return fmt.Errorf("property %s: refers to %s of another tree", p.name, r.node.Path())
		}
		binary.BigEndian.PutUint32(e.structs[start+r.off:], h)
	}
	return nil
}

// hasOwnPhandle tells whether the node's phandle is an ordinary property, as in a
// decoded tree.
func (n *Node) hasOwnPhandle() bool {
	_, ok := n.propAt["phandle"]
	return ok
}

// maxPhandle is the largest phandle; all ones is not one (5.4, and of_find_node_by_phandle).
const maxPhandle = 0xffff_fffe

// assignPhandles numbers the referenced nodes from 1 in tree order, around the
// phandles that nodes set by themselves.
func assignPhandles(root *Node) (map[*Node]uint32, error) {
	handles := map[*Node]uint32{}
	owner := map[uint32]*Node{}
	var wanting []*Node
	var walk func(n *Node, depth int) error
	walk = func(n *Node, depth int) error {
		if depth > maxDepth {
			return fmt.Errorf("%s: more than %d levels", n.Path(), maxDepth)
		}
		if v, ok := n.Prop("phandle"); ok {
			if len(v) != 4 {
				return fmt.Errorf("%s: phandle must be one cell", n.Path())
			}
			h := binary.BigEndian.Uint32(v)
			if h == 0 || h > maxPhandle {
				return fmt.Errorf("%s: bad phandle %#x", n.Path(), h)
			}
			if o := owner[h]; o != nil {
				return fmt.Errorf("%s: phandle %#x is taken by %s", n.Path(), h, o.Path())
			}
			owner[h], handles[n] = n, h
		} else if n.wanted {
			wanting = append(wanting, n)
		}
		for _, c := range n.children {
			if err := walk(c, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(root, 1); err != nil {
		return nil, err
	}
	next := uint32(1)
	for _, n := range wanting {
		for owner[next] != nil {
			next++
		}
		if next > maxPhandle {
			return nil, errors.New("out of phandles")
		}
		handles[n] = next
		next++
	}
	return handles, nil
}

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }
