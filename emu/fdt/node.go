// SPDX-License-Identifier: Apache-2.0

// Package fdt builds the machine's device tree, and encodes and decodes it as the
// flattened device tree (DTB, version 17) that firmware and kernels take.
//
// A tree is built through Node, which is the mmio.DTNode that devices describe
// themselves to. Building never fails: a bad name or value is remembered where it
// was made, and Encode reports it. Everything keeps its insertion order, and
// phandles are given out in tree order, so the same calls make the same blob.
//
// The format is that of the Devicetree Specification v0.4, chapter 5.
package fdt

import (
	"fmt"
	"iter"
	"strings"

	"vdev/mmio"
)

// Node is a node of a device tree. The zero value is not usable: New makes a root
// and Child all others.
type Node struct {
	name     string
	parent   *Node
	props    []property
	children []*Node
	propAt   map[string]int   // index into props; for lookup only, never ranged over
	childAt  map[string]*Node // for lookup only, never ranged over
	wanted   bool             // Ref was called: the node needs a phandle
}

var _ mmio.DTNode = (*Node)(nil)

// ref is what Ref returns: the target itself, resolved to a phandle by Encode.
type ref struct{ node *Node }

// New returns the root of an empty tree.
func New() *Node { return newNode("", nil) }

func newNode(name string, parent *Node) *Node {
	return &Node{name: name, parent: parent, propAt: map[string]int{}, childAt: map[string]*Node{}}
}

// SetProp sets a property; one that exists already keeps its place and gets the
// new value. On top of the types that mmio.DTNode lists, value may be a []uint64, a
// []mmio.DTRef, or a []any that strings together uint32 (one cell), uint64 (two
// cells), DTRef (one cell), []uint32 and []uint64. Any other type, a plain int
// among them, makes Encode fail. The value is copied.
func (n *Node) SetProp(name string, value any) {
	p := property{name: name, value: makeValue(value)}
	if i, ok := n.propAt[name]; ok {
		n.props[i] = p
		return
	}
	n.propAt[name] = len(n.props)
	n.props = append(n.props, p)
}

// Child adds, or returns if it exists, the child with that full name
// ("uart@10000000").
func (n *Node) Child(name string) mmio.DTNode { return n.child(name) }

func (n *Node) child(name string) *Node {
	if c := n.childAt[name]; c != nil {
		return c
	}
	c := newNode(name, n)
	n.childAt[name] = c
	n.children = append(n.children, c)
	return c
}

// Ref returns a reference to the node, to be used as a property value or inside a
// cell list of any node of the same tree.
func (n *Node) Ref() mmio.DTRef {
	n.wanted = true
	return ref{n}
}

// Name is the node's full name with its unit address; the root's is empty.
func (n *Node) Name() string { return n.name }

// Path is the node's full path from the root, "/" for the root itself.
func (n *Node) Path() string {
	if n.parent == nil {
		return "/"
	}
	return strings.TrimSuffix(n.parent.Path(), "/") + "/" + n.name
}

// Lookup returns the node at a full path ("/soc/uart@10000000") below n, or nil.
func (n *Node) Lookup(path string) *Node {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" {
			continue
		}
		if n = n.childAt[part]; n == nil {
			return nil
		}
	}
	return n
}

// Children yields the children in their order.
func (n *Node) Children() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		for _, c := range n.children {
			if !yield(c) {
				return
			}
		}
	}
}

// Props yields the names and raw values of the properties in their order. The
// cells of references are zero in a tree that was built and not decoded. The
// values must not be changed.
func (n *Node) Props() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, p := range n.props {
			if !yield(p.name, p.value.data) {
				return
			}
		}
	}
}

// Prop returns the raw value of a property, as Props does, and whether the node
// has it.
func (n *Node) Prop(name string) ([]byte, bool) {
	i, ok := n.propAt[name]
	if !ok {
		return nil, false
	}
	return n.props[i].value.data, true
}

func (n *Node) root() *Node {
	for n.parent != nil {
		n = n.parent
	}
	return n
}

// maxNameLen bounds node and property names. The specification says 31, but
// bindings in use exceed that and Linux does not mind.
const maxNameLen = 255

// Characters that the specification (2.2.1, 2.2.4) allows in names, besides
// letters and digits. '@' separates the unit address of a node.
const (
	nodeNamePunct = ",._+-@"
	propNamePunct = ",._+-?#"
)

func checkName(what, name, punct string) error {
	if name == "" || len(name) > maxNameLen {
		return fmt.Errorf("%s name %.40q: must have 1 to %d characters", what, name, maxNameLen)
	}
	for i := range len(name) {
		c := name[i]
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && strings.IndexByte(punct, c) < 0 {
			return fmt.Errorf("%s name %.40q: bad character %q", what, name, c)
		}
	}
	return nil
}

func checkNodeName(name string) error {
	if err := checkName("node", name, nodeNamePunct); err != nil {
		return err
	}
	base, unit, has := strings.Cut(name, "@")
	if base == "" || has && (unit == "" || strings.Contains(unit, "@")) {
		return fmt.Errorf("node name %.40q: must be NAME or NAME@UNIT", name)
	}
	return nil
}

func checkPropName(name string) error { return checkName("property", name, propNamePunct) }
