// SPDX-License-Identifier: Apache-2.0

package fdt

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// String returns the node and all below it as device tree source, which dtc
// compiles to what Encode makes. References show the target's path. What Encode
// would refuse is shown as a comment.
func (n *Node) String() string {
	root := n.root()
	handles, err := assignPhandles(root)
	var w dtsWriter
	w.handles = handles
	if err != nil {
		fmt.Fprintf(&w, "/* %v */\n", err)
	}
	if n == root {
		w.WriteString("/dts-v1/;\n\n")
	}
	w.node(n, 0)
	return w.String()
}

type dtsWriter struct {
	strings.Builder
	handles map[*Node]uint32
}

func (w *dtsWriter) node(n *Node, depth int) {
	indent := strings.Repeat("\t", depth)
	name := n.name
	if n.parent == nil {
		name = "/"
	}
	fmt.Fprintf(w, "%s%s {\n", indent, name)
	for i := range n.props {
		p := &n.props[i]
		w.prop(indent+"\t", p)
	}
	if h := w.handles[n]; h != 0 && !n.hasOwnPhandle() {
		w.prop(indent+"\t", &property{name: "phandle", value: makeValue(h)})
	}
	for i, c := range n.children {
		if i > 0 || len(n.props) > 0 {
			w.WriteByte('\n')
		}
		w.node(c, depth+1)
	}
	fmt.Fprintf(w, "%s};\n", indent)
}

func (w *dtsWriter) prop(indent string, p *property) {
	v := &p.value
	switch {
	case v.err != nil:
		fmt.Fprintf(w, "%s/* %s: %v */\n", indent, p.name, v.err)
		return
	case len(v.data) == 0:
		fmt.Fprintf(w, "%s%s;\n", indent, p.name)
		return
	}
	fmt.Fprintf(w, "%s%s = ", indent, p.name)
	switch v.shape() {
	case formStrings:
		w.strings(v.data)
	case formCells:
		w.cells(v)
	default:
		fmt.Fprintf(w, "[% x]", v.data)
	}
	w.WriteString(";\n")
}

// shape is the form, guessed from the bytes if it is not known.
func (v *value) shape() form {
	switch {
	case v.form != formGuess:
		return v.form
	case looksLikeStrings(v.data):
		return formStrings
	case len(v.data)%4 == 0:
		return formCells
	}
	return formBytes
}

// looksLikeStrings accepts one or more non-empty printable strings, each with its
// NUL.
func looksLikeStrings(b []byte) bool {
	if len(b) == 0 || b[len(b)-1] != 0 {
		return false
	}
	prev := byte(0)
	for _, c := range b {
		if c == 0 && prev == 0 || c != 0 && (c < ' ' || c > '~') {
			return false
		}
		prev = c
	}
	return true
}

func (w *dtsWriter) strings(b []byte) {
	for i, s := range strings.Split(string(b[:len(b)-1]), "\x00") {
		if i > 0 {
			w.WriteString(", ")
		}
		w.WriteByte('"')
		for j := range len(s) {
			switch c := s[j]; {
			case c == '"' || c == '\\':
				w.WriteByte('\\')
				w.WriteByte(c)
			case c < ' ' || c > '~':
				// Three octal digits: unlike \x, they cannot swallow what follows.
				fmt.Fprintf(w, "\\%03o", c)
			default:
				w.WriteByte(c)
			}
		}
		w.WriteByte('"')
	}
}

func (w *dtsWriter) cells(v *value) {
	refs := v.refs
	for off := 0; off < len(v.data); off += 4 {
		sep := " "
		if off == 0 {
			sep = "<"
		}
		if len(refs) > 0 && refs[0].off == off {
			fmt.Fprintf(w, "%s&{%s}", sep, refs[0].node.Path())
			refs = refs[1:]
			continue
		}
		fmt.Fprintf(w, "%s%#x", sep, binary.BigEndian.Uint32(v.data[off:]))
	}
	w.WriteByte('>')
}
