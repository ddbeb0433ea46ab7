// SPDX-License-Identifier: Apache-2.0

package fdt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vdev/mmio"
)

// sampleTree has the shapes that a real machine's tree has.
func sampleTree() *Node {
	root := New()
	root.SetProp("#address-cells", uint32(2))
	root.SetProp("#size-cells", uint32(2))
	root.SetProp("compatible", []string{"vdev,machine", "riscv-virtio"})
	root.SetProp("model", `a "quoted" \ model`)
	chosen := root.Child("chosen")
	chosen.SetProp("stdout-path", "/soc/serial@10000000")
	chosen.SetProp("rng-seed", []byte{1, 2, 3, 4, 5, 6, 7, 8})

	soc := root.Child("soc")
	uart := soc.Child("serial@10000000")
	plic := soc.Child("interrupt-controller@c000000")
	cpus := root.Child("cpus")
	cpus.SetProp("#address-cells", uint32(1))
	cpus.SetProp("#size-cells", uint32(0))
	var ext []any
	for i := range uint32(2) {
		cpu := cpus.Child(fmt.Sprintf("cpu@%x", i))
		cpu.SetProp("device_type", "cpu")
		cpu.SetProp("reg", i)
		intc := cpu.Child("interrupt-controller")
		intc.SetProp("#address-cells", uint32(0))
		intc.SetProp("#interrupt-cells", uint32(1))
		intc.SetProp("interrupt-controller", nil)
		ext = append(ext, intc.Ref(), uint32(11), intc.Ref(), uint32(9))
	}
	soc.SetProp("#address-cells", uint32(2))
	soc.SetProp("#size-cells", uint32(2))
	soc.SetProp("ranges", nil)
	plic.SetProp("compatible", "sifive,plic-1.0.0")
	plic.SetProp("reg", []uint64{0xc00_0000, 0x400_0000})
	plic.SetProp("#address-cells", uint32(0))
	plic.SetProp("#interrupt-cells", uint32(1))
	plic.SetProp("interrupt-controller", nil)
	plic.SetProp("interrupts-extended", ext)
	plic.SetProp("riscv,ndev", uint32(31))
	uart.SetProp("compatible", "ns16550a")
	uart.SetProp("reg", []uint32{0, 0x1000_0000, 0, 0x100})
	uart.SetProp("interrupt-parent", plic.Ref())
	uart.SetProp("interrupts", uint32(10))
	return root
}

func mustEncode(t *testing.T, root *Node, reserved ...Reserve) []byte {
	t.Helper()
	blob, err := Encode(root, reserved, 0)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func TestHeader(t *testing.T) {
	blob, err := Encode(New(), []Reserve{{0x8000_0000, 0x1000}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []uint32{
		0xd00dfeed, 88, 72, 88, 40, 17, 16, 3, 0, 16, // header
		0, 0x8000_0000, 0, 0x1000, 0, 0, 0, 0, // reservations
		1, 0, 2, 9, // root
	}
	var got []uint32
	for i := 0; i < len(blob); i += 4 {
		got = append(got, binary.BigEndian.Uint32(blob[i:]))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestValues(t *testing.T) {
	root := New()
	a, b := root.Child("a"), root.Child("b")
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, ""},
		{"hi", "686900"},
		{[]string{"a", "", "b"}, "6100006200"},
		{uint32(1), "00000001"},
		{uint64(1 << 40), "0000010000000000"},
		{[]uint32{1, 0xffffffff}, "00000001ffffffff"},
		{[]byte{1, 2, 3}, "010203"},
		{a.Ref(), "00000001"},
		{[]mmio.DTRef{a.Ref(), b.Ref()}, "0000000100000002"},
		{[]any{b.Ref(), uint32(5), uint64(6), []uint32{7}}, "00000002" + "00000005" + "0000000000000006" + "00000007"},
	} {
		root.SetProp("x", c.value)
		back, _, _, err := Decode(mustEncode(t, root))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := back.Prop("x")
		if !ok || fmt.Sprintf("%x", got) != c.want {
			t.Errorf("%T %v: encoded as %x, want %s", c.value, c.value, got, c.want)
		}
	}
}

func TestOrderAndReplace(t *testing.T) {
	root := New()
	for _, p := range []string{"z", "a", "m", "a"} {
		root.SetProp(p, p+"1")
	}
	root.SetProp("z", "z2")
	for _, c := range []string{"y", "b", "y"} {
		root.Child(c)
	}
	var got []string
	for name, v := range root.Props() {
		got = append(got, name+"="+strings.TrimSuffix(string(v), "\x00"))
	}
	for c := range root.Children() {
		got = append(got, c.Path())
	}
	if want := "z=z2 a=a1 m=m1 /y /b"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if root.Lookup("/y") != root.Child("y") || root.Lookup("/y/none") != nil || root.Lookup("/") != root {
		t.Error("Lookup finds the wrong node")
	}
}

func TestExplicitPhandles(t *testing.T) {
	root := New()
	a, b, c := root.Child("a"), root.Child("b"), root.Child("c")
	b.SetProp("phandle", uint32(1))
	root.SetProp("all", []mmio.DTRef{a.Ref(), b.Ref(), c.Ref()})
	back, _, _, err := Decode(mustEncode(t, root))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := back.Prop("all"); fmt.Sprintf("%x", got) != "000000020000000100000003" {
		t.Errorf("phandles are %x", got)
	}
}

func TestEncodeErrors(t *testing.T) {
	deep := func(root *Node) {
		var n mmio.DTNode = root
		for range maxDepth {
			n = n.Child("n")
		}
	}
	for _, c := range []struct {
		want  string
		build func(root *Node)
	}{
		{"bad character", func(r *Node) { r.Child("a/b") }},
		{"NAME@UNIT", func(r *Node) { r.Child("a@") }},
		{"NAME@UNIT", func(r *Node) { r.Child("a@1@2") }},
		{"1 to 255", func(r *Node) { r.Child("") }},
		{"1 to 255", func(r *Node) { r.SetProp("", nil) }},
		{"1 to 255", func(r *Node) { r.SetProp(strings.Repeat("x", 256), nil) }},
		{"bad character", func(r *Node) { r.SetProp("a b", nil) }},
		{"/n: property x: unsupported type int", func(r *Node) { r.Child("n").SetProp("x", 1) }},
		{"unsupported type int", func(r *Node) { r.SetProp("x", []any{uint32(1), 2}) }},
		{"unsupported type <nil>", func(r *Node) { r.SetProp("x", []any{nil}) }},
		{"holds a NUL", func(r *Node) { r.SetProp("x", []string{"ok", "a\x00b"}) }},
		{"another tree", func(r *Node) { r.SetProp("x", New().Ref()) }},
		{"taken by /a", func(r *Node) {
			r.Child("a").SetProp("phandle", uint32(7))
			r.Child("b").SetProp("phandle", uint32(7))
		}},
		{"bad phandle", func(r *Node) { r.SetProp("phandle", uint32(0xffffffff)) }},
		{"bad phandle", func(r *Node) { r.SetProp("phandle", uint32(0)) }},
		{"one cell", func(r *Node) { r.SetProp("phandle", "x") }},
		{"levels", deep},
		{"more than the", func(r *Node) { r.SetProp("x", make([]byte, MaxSize)) }},
	} {
		root := New()
		c.build(root)
		if _, err := Encode(root, nil, 0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want one with %q", err, c.want)
		}
		_ = root.String() // must not panic either
	}
	if _, err := Encode(New(), []Reserve{{Addr: 1}}, 0); err == nil {
		t.Error("an empty reservation was encoded")
	}
	if _, err := Encode(New().child("a"), nil, 0); err == nil {
		t.Error("a part of a tree was encoded")
	}
}

// randomTree makes trees of every value type, with references that go both ways.
func randomTree(r *rand.Rand) *Node {
	root := New()
	nodes := []*Node{root}
	for i := range r.IntN(30) {
		parent := nodes[r.IntN(len(nodes))]
		name := fmt.Sprintf("node%d", i)
		if r.IntN(2) == 0 {
			name += fmt.Sprintf("@%x", r.Uint32())
		}
		nodes = append(nodes, parent.child(name))
	}
	text := func() string {
		b := make([]byte, r.IntN(12))
		for i := range b {
			b[i] = byte(1 + r.IntN(255))
		}
		return string(b)
	}
	other := func() *Node { return nodes[r.IntN(len(nodes))] }
	for _, n := range nodes {
		for i := range r.IntN(6) {
			var v any
			switch r.IntN(9) {
			case 1:
				v = text()
			case 2:
				v = []string{text(), text()}
			case 3:
				v = r.Uint32()
			case 4:
				v = []uint32{r.Uint32(), r.Uint32()}
			case 5:
				v = r.Uint64()
			case 6:
				v = []byte(text())
			case 7:
				v = other().Ref()
			case 8:
				v = []any{other().Ref(), r.Uint32(), other().Ref(), r.Uint64()}
			}
			n.SetProp(fmt.Sprintf("p,%d#?+._-", i), v)
		}
	}
	return root
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(500) {
		root := randomTree(rand.New(rand.NewPCG(seed, 0)))
		rsv := []Reserve{{mmio.PhysAddr(seed), 1}, {0, seed + 1}}
		blob, err := Encode(root, rsv, uint32(seed))
		if err != nil {
			t.Fatal(err)
		}
		back, rsv2, boot, err := Decode(append(bytes.Clone(blob), "tail"...))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if boot != uint32(seed) || fmt.Sprint(rsv) != fmt.Sprint(rsv2) {
			t.Errorf("seed %d: header comes back as %d %v", seed, boot, rsv2)
		}
		again, err := Encode(back, rsv2, boot)
		if err != nil || !bytes.Equal(blob, again) {
			t.Errorf("seed %d: encodes differently after decoding (%v)", seed, err)
		}
		// The comparison of the trees must not rest on the decoder alone.
		twin, _ := Encode(randomTree(rand.New(rand.NewPCG(seed, 0))), rsv, boot)
		if !bytes.Equal(blob, twin) {
			t.Errorf("seed %d: the same calls made another blob", seed)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	good := mustEncode(t, sampleTree())
	patch := func(off int, v uint32) []byte {
		b := bytes.Clone(good)
		binary.BigEndian.PutUint32(b[off:], v)
		return b
	}
	// A blob whose structure block is words.
	structs := func(words ...uint32) []byte {
		b := mustEncode(t, New())
		b = b[:56] // header and the end of the reservations
		for _, w := range words {
			b = binary.BigEndian.AppendUint32(b, w)
		}
		at := uint32(len(b))
		b = append(b, "p\x00q q\x00..."...)
		for i, v := range []uint32{magic, uint32(len(b)), 56, at, 40, 17, 16, 0, uint32(len(b)) - at, uint32(4 * len(words))} {
			binary.BigEndian.PutUint32(b[4*i:], v)
		}
		return b
	}
	if _, _, _, err := Decode(structs(1, 0, 3, 1, 0, 0x61000000, 4, 2, 4, 9)); err != nil {
		t.Fatalf("the good blob that the bad ones are made from: %v", err)
	}
	const a = 0x61000000 // "a"
	for _, c := range []struct {
		want string
		blob []byte
	}{
		{"shorter than its header", nil},
		{"shorter than its header", good[:39]},
		{"truncated", good[:len(good)-1]},
		{"magic", patch(0, 1)},
		{"limit", patch(4, 0xffffffff)},
		{"only 8 bytes", patch(4, 8)},
		{"structure block is outside", patch(8, 0xfffffffc)},
		{"strings block is outside", patch(12, 0xfffffffc)},
		{"misplaced", patch(16, 0xfffffff8)},
		{"misplaced", patch(16, 41)},
		{"no end", patch(16, uint32(len(good)))},
		{"version 3", patch(20, 3)},
		{"version 17 (compatible with 18)", patch(24, 18)},
		{"ends early", structs()},
		{"ends early", structs(1, 0)},
		{"ends early", structs(1, 0, 2)},
		{"ends early", structs(1, 0, 3, 100, 0)},
		{"ends early", structs(1, 0, 3, 0xffffffff, 0, 2, 9)},
		{"not a node", structs(9)},
		{"root is named", structs(1, a, 2, 9)},
		{"unknown token", structs(1, 0, 7, 2, 9)},
		{"after the root's end", structs(1, 0, 2, 2)},
		{"two children", structs(1, 0, 1, a, 2, 1, a, 2, 2, 9)},
		{"two properties", structs(1, 0, 3, 0, 0, 3, 0, 0, 2, 9)},
		{"follows a child", structs(1, 0, 1, a, 2, 3, 0, 0, 2, 9)},
		{"outside the strings", structs(1, 0, 3, 0, 0xffffffff, 2, 9)},
		{"bad character", structs(1, 0, 3, 0, 2, 2, 9)},
		{"name has no end", structs(1, 0, 3, 0, 7, 2, 9)},
		{"bad character", structs(1, 0, 1, 0x2f000000, 2, 2, 9)},
		{"levels", structs(append([]uint32{1, 0}, bytesToWords(bytes.Repeat([]byte{0, 0, 0, 1, 'a', 0, 0, 0}, maxDepth))...)...)},
	} {
		if _, _, _, err := Decode(c.blob); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want one with %q", err, c.want)
		}
	}
}

func bytesToWords(b []byte) (w []uint32) {
	for ; len(b) >= 4; b = b[4:] {
		w = append(w, binary.BigEndian.Uint32(b))
	}
	return w
}

// dtcPath finds the reference compiler.
func dtcPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("dtc")
	if err != nil {
		if os.Getenv("VDEV_REQUIRE_TOOLS") == "1" {
			t.Fatal("dtc is missing: apt install device-tree-compiler")
		}
		t.Skip("dtc is missing: apt install device-tree-compiler")
	}
	return path
}

// dtc runs the reference compiler, and fails the test if it has anything to say.
func dtc(t *testing.T, in, out string, input []byte, flags ...string) []byte {
	t.Helper()
	path := dtcPath(t)
	file := filepath.Join(t.TempDir(), "tree")
	if err := os.WriteFile(file, input, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append(flags, "-I", in, "-O", out, file)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("dtc: %v\n%s\ninput:\n%.3000s", err, stderr.Bytes(), input)
	}
	return stdout.Bytes()
}

func TestDtcTakesBlob(t *testing.T) {
	src := string(dtc(t, "dtb", "dts", mustEncode(t, sampleTree(), Reserve{0x8000_0000, 0x40000})))
	for _, want := range []string{
		"/memreserve/\t0x0000000080000000 0x0000000000040000;",
		`compatible = "vdev,machine\0riscv-virtio";`,
		"interrupts-extended = <0x02 0x0b 0x02 0x09 0x03 0x0b 0x03 0x09>;",
		"interrupt-parent = <0x01>;",
	} {
		if !strings.Contains(src, want) {
			t.Errorf("dtc does not see %s in:\n%s", want, src)
		}
	}
}

// TestDtcComplains makes sure that the judge is awake.
func TestDtcComplains(t *testing.T) {
	path := dtcPath(t)
	root := New()
	root.Child("a@1") // a unit address without reg
	file := filepath.Join(t.TempDir(), "tree")
	if err := os.WriteFile(file, mustEncode(t, root), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "-I", "dtb", "-O", "null", file).CombinedOutput()
	if err != nil || len(out) == 0 {
		t.Errorf("dtc finds no fault: %v", err)
	}
}

// TestSourceCompilesToSameTree has dtc compile what String prints.
func TestSourceCompilesToSameTree(t *testing.T) {
	trees := []*Node{sampleTree()}
	if back, _, _, err := Decode(mustEncode(t, sampleTree())); err != nil {
		t.Error(err)
	} else {
		trees = append(trees, back)
	}
	for seed := range uint64(20) {
		trees = append(trees, randomTree(rand.New(rand.NewPCG(seed, 1))))
	}
	for i, tree := range trees {
		var flags []string
		if i > 0 { // dtc rightly misses references, and reg in random nodes
			flags = []string{"-qq"}
		}
		want := mustEncode(t, tree)
		back, _, _, err := Decode(dtc(t, "dts", "dtb", []byte(tree.String()), flags...))
		if err != nil {
			t.Fatal(err)
		}
		if got := mustEncode(t, back); !bytes.Equal(got, want) {
			t.Errorf("the source means another tree:\n%s", tree)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, root := range []*Node{New(), sampleTree(), randomTree(rand.New(rand.NewPCG(1, 0)))} {
		blob, err := Encode(root, []Reserve{{1, 2}}, 1)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(blob)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		root, rsv, boot, err := Decode(data)
		if err != nil {
			return
		}
		_ = root.String()
		blob, err := Encode(root, rsv, boot)
		if err != nil {
			if len(data) < 4096 { // too short to grow over the size limit
				t.Fatalf("decoded, but does not encode: %v", err)
			}
			return
		}
		back, _, _, err := Decode(blob)
		if err != nil {
			t.Fatalf("own blob does not decode: %v", err)
		}
		if again, err := Encode(back, rsv, boot); err != nil || !bytes.Equal(blob, again) {
			t.Fatalf("a round trip changes the blob (%v)", err)
		}
	})
}
