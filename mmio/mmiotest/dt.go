// SPDX-License-Identifier: Apache-2.0

package mmiotest

import "vdev/mmio"

// Node is a device-tree node that keeps what it is given.
type Node struct {
	Props    map[string]any
	Children map[string]*Node
}

// Describe returns what a device says of itself.
func Describe(d mmio.DTDescriber) *Node {
	n := newNode()
	d.DescribeDT(n)
	return n
}

func newNode() *Node { return &Node{Props: map[string]any{}, Children: map[string]*Node{}} }

// SetProp keeps a property.
func (n *Node) SetProp(name string, value any) { n.Props[name] = value }

// Child adds, or returns the existing, child.
func (n *Node) Child(name string) mmio.DTNode {
	if n.Children[name] == nil {
		n.Children[name] = newNode()
	}
	return n.Children[name]
}

// Ref refers to the node; the reference is the node itself.
func (n *Node) Ref() mmio.DTRef { return n }
