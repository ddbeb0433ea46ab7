// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"vdev/emu/symbols"
)

// Where the objects of makeFiles are.
const (
	taskAt   = 0x10_0000
	filesAt  = 0x11_0000
	fdtAt    = 0x11_1000
	tableAt  = 0x11_2000
	rootDir  = 0x12_0000 // dentry of the root file system's root
	devDir   = 0x12_1000 // dentry of /dev in it
	devRoot  = 0x12_2000 // dentry of the root of devtmpfs
	driDir   = 0x12_3000
	cardFile = 0x12_4000
	rootMnt  = 0x13_0000
	devMnt   = 0x13_1000
	pipeMnt  = 0x13_2000
	anonMnt  = 0x13_3000
	spaceAt  = 0x14_0000 // the namespace
	stringAt = 0x15_0000
	bufAt    = 0x16_0000
)

// dentry puts a directory entry; with itself as its parent it is a root.
func (g *guest) dentry(at, parent uint64, name string) {
	g.set(at, "dentry.d_parent", parent)
	g.set(at, "dentry.d_name.name", g.text(stringAt+at&0xffff_ffff, name))
}

func (g *guest) mount(at, parent, on, space uint64) {
	g.set(at, "mount.mnt_parent", parent)
	g.set(at, "mount.mnt_mountpoint", on)
	g.set(at, "mount.mnt_ns", space)
	g.types.Member("mount.mnt")
}

// open puts an open file with a file descriptor.
func (g *guest) open(fd int, dentry, mount, ops, private, mode, dev uint64) uint64 {
	file := 0x20_0000 + uint64(fd)*0x1000
	inode := file + 0x800
	g.set(file, "file.f_op", ops)
	g.set(file, "file.private_data", private)
	g.set(file, "file.f_inode", inode)
	g.set(file, "file.f_path.dentry", dentry)
	g.set(file, "file.f_path.mnt", g.at(mount, "mount.mnt"))
	g.set(inode, "inode.i_mode", mode)
	g.set(inode, "inode.i_ino", 100+uint64(fd))
	g.set(inode, "inode.i_rdev", dev)
	g.word(tableAt+8*uint64(fd), file)
	return file
}

// unmounted puts the root of a file system that is not mounted anywhere.
func (g *guest) unmounted(dentry, mount uint64, fs, name string) {
	g.dentry(dentry, dentry, name)
	super := dentry + 0x400
	g.set(dentry, "dentry.d_sb", super)
	g.set(super, "super_block.s_type", super+0x100)
	g.set(super+0x100, "file_system_type.name", g.text(super+0x200, fs))
	g.mount(mount, mount, dentry, ^uint64(0)-21)
}

// makeFiles makes a task with files.
func makeFiles() *guest {
	g := newGuest()
	g.set(taskAt, "task_struct.files", filesAt)
	g.set(filesAt, "files_struct.fdt", fdtAt)
	g.set(fdtAt, "fdtable.max_fds", 8)
	g.set(fdtAt, "fdtable.fd", tableAt)
	for fd := range uint64(8) {
		g.word(tableAt+8*fd, 0)
	}
	g.dentry(rootDir, rootDir, "/")
	g.dentry(devDir, rootDir, "dev")
	g.dentry(devRoot, devRoot, "/")
	g.dentry(driDir, devRoot, "dri")
	g.dentry(cardFile, driDir, "card0")
	g.mount(rootMnt, rootMnt, rootDir, spaceAt)
	g.mount(devMnt, rootMnt, devDir, spaceAt)
	g.open(0, cardFile, devMnt, 0x7777, 0x1234, modeChar|0o600, 226<<20|5)
	g.open(2, devDir, rootMnt, 0, 0, 0o040755, 0)

	const pipeDentry, anonDentry, fenceDentry, bufDentry = 0x17_0000, 0x17_1000, 0x17_2000, 0x17_3000
	g.unmounted(pipeDentry, pipeMnt, "pipefs", "")
	g.unmounted(anonDentry, anonMnt, "anon_inodefs", "[eventfd]")
	g.unmounted(fenceDentry, anonMnt, "anon_inodefs", "sync_file")
	g.unmounted(bufDentry, anonMnt, "dmabuf", "frame0")
	g.open(3, pipeDentry, pipeMnt, 0, 0, 0o010600, 0)
	g.open(4, anonDentry, anonMnt, 0, 0, 0o600, 0)
	g.open(5, fenceDentry, anonMnt, 0x2100, 0, 0o600, 0)
	buf := g.open(6, bufDentry, anonMnt, 0x2000, bufAt, 0o600, 0)
	g.set(bufAt, "dma_buf.size", 8192)
	g.set(bufAt, "dma_buf.file", buf)
	g.set(bufAt, "dma_buf.exp_name", g.text(stringAt+0x10_0000, "system"))
	g.set(bufAt, "dma_buf.name", g.text(stringAt+0x10_0100, "frame0"))
	g.set(bufAt, "dma_buf.ops", 0x2200)
	g.set(bufAt, "dma_buf.priv", 0x4242)
	list, _ := g.Symbol("dmabuf_list")
	g.word(list, g.at(bufAt, "dma_buf.list_node"))
	g.set(bufAt, "dma_buf.list_node", list)
	return g
}

func TestFile(t *testing.T) {
	g := makeFiles()
	for _, tt := range []struct {
		fd   int
		ok   bool
		want File
	}{
		{0, true, File{Kind: FileChar, Path: "/dev/dri/card0", Private: 0x1234, Inode: 100, Major: 226, Minor: 5}},
		{1, false, File{}},
		{2, true, File{Path: "/dev", Inode: 102}},
		{3, true, File{Path: "pipe:[103]", Inode: 103}},
		{4, true, File{Path: "anon_inode:[eventfd]", Inode: 104}},
		{5, true, File{Kind: FileSyncFile, Ops: "sync_file_fops", Path: "anon_inode:sync_file", Inode: 105}},
		{6, true, File{Kind: FileDMABuf, Ops: "dma_buf_fops", Path: "/frame0", Private: bufAt, Inode: 106}},
		{7, false, File{}},
		{8, false, File{}},
		{-1, false, File{}},
		{1 << 31, false, File{}},
	} {
		if tt.ok {
			tt.want.Addr = 0x20_0000 + uint64(tt.fd)*0x1000
		}
		f, ok := g.File(taskAt, 0, tt.fd)
		if f != tt.want || ok != tt.ok {
			t.Errorf("%d: %+v, %v", tt.fd, f, ok)
		}
	}
	var fds []int
	g.Files(taskAt, 0, func(fd int, f File) bool {
		fds = append(fds, fd)
		return f.Kind != FileSyncFile
	})
	if fmt.Sprint(fds) != "[0 2 3 4 5]" {
		t.Errorf("open are %d", fds)
	}
}

func TestPathsEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(g *guest)
		want string
	}{
		{"as it is", func(*guest) {}, "/dev/dri/card0"},
		{"a directory is its own grandparent", func(g *guest) { g.set(driDir, "dentry.d_parent", cardFile) }, ""},
		{"two mounts are on each other", func(g *guest) { g.mount(rootMnt, devMnt, devRoot, spaceAt) }, ""},
		{"unmapped parent", func(g *guest) { g.set(driDir, "dentry.d_parent", 0xdead000) }, ""},
		{"mounted nowhere", func(g *guest) { g.mount(rootMnt, rootMnt, rootDir, 0) }, ""},
	} {
		g := makeFiles()
		tt.do(g)
		f, ok := g.File(taskAt, 0, 0)
		if !ok || f.Path != tt.want {
			t.Errorf("%s: %q, %v", tt.name, f.Path, ok)
		}
	}
}

func TestDMABuf(t *testing.T) {
	g := makeFiles()
	f, _ := g.File(taskAt, 0, 6)
	want := DMABuf{Addr: bufAt, Size: 8192, Name: "frame0", Exporter: "system", Ops: "system_heap_buf_ops", Priv: 0x4242, Inode: 106}
	if b, ok := g.DMABuf(f, 0); b != want || !ok {
		t.Errorf("%+v, %v", b, ok)
	}
	n := 0
	g.DMABufs(0, func(b DMABuf) bool {
		n++
		if b != want {
			t.Errorf("listed: %+v", b)
		}
		return true
	})
	if n != 1 {
		t.Errorf("%d dma-bufs are listed", n)
	}
	g.set(bufAt, "dma_buf.name", 0)
	if b, ok := g.DMABuf(f, 0); b.Name != "" || !ok {
		t.Errorf("without a name: %+v, %v", b, ok)
	}
	pipe, _ := g.File(taskAt, 0, 3)
	if _, ok := g.DMABuf(pipe, 0); ok {
		t.Error("a pipe is a dma-buf")
	}
}

func TestTask(t *testing.T) {
	g := newGuest()
	g.set(taskAt, "task_struct.pid", 7)
	g.set(taskAt, "task_struct.tgid", 5)
	g.set(taskAt, "task_struct.flags", 0)
	g.set(taskAt, "task_struct.exit_state", 0)
	g.mem.write(g.at(taskAt, "task_struct.comm"), append([]byte("worker"), make([]byte, 10)...))
	if task, ok := g.Task(taskAt, 0); task != (symbols.Task{PID: 7, TGID: 5, Comm: "worker"}) || !ok {
		t.Errorf("%+v, %v", task, ok)
	}
	for _, tt := range []struct {
		name  string
		do    func()
		alive bool
	}{
		{"running", func() {}, true},
		{"exiting", func() { g.set(taskAt, "task_struct.flags", pfExiting) }, false},
		{"zombie", func() { g.set(taskAt, "task_struct.flags", 0); g.set(taskAt, "task_struct.exit_state", 32) }, false},
		{"another", func() { g.set(taskAt, "task_struct.exit_state", 0); g.set(taskAt, "task_struct.pid", 8) }, false},
	} {
		tt.do()
		if got := g.Alive(taskAt, 0, 7); got != tt.alive {
			t.Errorf("%s: alive %v", tt.name, got)
		}
	}
	if !g.Alive(0xdead000, 0, 7) {
		t.Error("what cannot be read is dead")
	}
}

// FuzzHostileMemory reads objects out of memory in which every word leads to some
// other place in it.
func FuzzHostileMemory(f *testing.F) {
	f.Add(uint64(1), byte(0))
	f.Add(uint64(2), byte(255))
	f.Fuzz(func(t *testing.T, seed uint64, tame byte) {
		g := makeFiles()
		rng := rand.New(rand.NewPCG(seed, 0))
		const pages = 16
		for page := range uint64(pages) {
			for off := uint64(0); off < pageBytes; off += 8 {
				v := (rng.Uint64N(pages*pageBytes) + taskAt) &^ (7 * rng.Uint64N(2))
				if rng.UintN(256) < uint(tame) {
					v = rng.Uint64()
				}
				g.word(taskAt+page*pageBytes+off, v)
			}
		}
		somewhere := func() uint64 { return taskAt + rng.Uint64N(pages*pageBytes) }
		for range 20 {
			at := somewhere()
			g.Task(at, 0)
			g.Alive(at, 0, 1)
			if file, ok := g.File(at, 0, int(rng.Uint32N(64))); ok {
				g.DMABuf(file, 0)
			}
			g.FileAt(at, 0)
			g.DMABufAt(at, 0)
			n := 0
			g.Files(at, 0, func(int, File) bool { n++; return n < 50 })
			r := g.Reader(0)
			r.XArray(at, func(_, _ uint64) bool { return true })
			g.Reader(0).List(at, "obj.node", func(uint64) bool { return true })
		}
	})
}
