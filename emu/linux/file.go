// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"fmt"
	"strings"
)

// Kind is what an open file is.
type Kind uint8

// The kinds that matter here.
const (
	FileOther    Kind = iota
	FileChar          // character device
	FileDMABuf        // dma-buf
	FileSyncFile      // fence (sync_file)
)

// File is an open file of the guest.
type File struct {
	Addr    uint64 // of the struct file
	Kind    Kind
	Ops     string // name of the kernel's variable with its file_operations; empty for modules
	Path    string // as the guest's processes see it, or like "anon_inode:[eventfd]"; may be empty
	Private uint64 // private_data
	Inode   uint64 // number
	// Major and Minor of a character device.
	Major, Minor uint32
}

// maxFDs bounds the number of a file descriptor (sysctl_nr_open_max).
const maxFDs = 1 << 30

// File is the open file behind a file descriptor of the task at the address of a
// task_struct; false if there is none.
func (k *Kernel) File(task, satp uint64, fd int) (File, bool) {
	if fd < 0 || fd >= maxFDs {
		return File{}, false
	}
	r := k.Reader(satp)
	table, n := r.fdTable(task)
	if uint64(fd) >= n {
		return File{}, false
	}
	file := r.Word(table + 8*uint64(fd))
	if file == 0 || !r.OK() {
		return File{}, false
	}
	return k.FileAt(file, satp)
}

// fdTable is the array of pointers to a task's open files, and its length.
func (r *Reader) fdTable(task uint64) (table, n uint64) {
	fdt := r.Get(r.Get(task, "task_struct.files"), "files_struct.fdt")
	return r.Get(fdt, "fdtable.fd"), r.Get(fdt, "fdtable.max_fds")
}

// MaxTaskFDs bounds how many file descriptors Files looks at.
const MaxTaskFDs = 1 << 12

// Files calls f for each open file of a task, in order, until f returns false.
func (k *Kernel) Files(task, satp uint64, f func(fd int, file File) bool) {
	r := k.Reader(satp)
	table, n := r.fdTable(task)
	for fd := range min(n, MaxTaskFDs) {
		at := r.Word(table + 8*fd)
		if !r.OK() {
			return
		}
		if at == 0 {
			continue
		}
		if file, ok := k.FileAt(at, satp); ok && !f(int(fd), file) {
			return
		}
	}
}

// The type of a file in i_mode (include/uapi/linux/stat.h).
const (
	modeType = 0o170000
	modeChar = 0o020000
)

// FileAt is the open file with its struct file at that address.
func (k *Kernel) FileAt(file, satp uint64) (File, bool) {
	r := k.Reader(satp)
	f := File{
		Addr:    file,
		Ops:     k.Variable(r.Get(file, "file.f_op")),
		Private: r.Get(file, "file.private_data"),
	}
	inode := r.Get(file, "file.f_inode")
	mode := r.Get(inode, "inode.i_mode")
	f.Inode = r.Get(inode, "inode.i_ino")
	dev := r.Get(inode, "inode.i_rdev")
	if !r.OK() {
		return File{}, false
	}
	switch {
	case f.Ops == "dma_buf_fops":
		f.Kind = FileDMABuf
	case f.Ops == "sync_file_fops":
		f.Kind = FileSyncFile
	case mode&modeType == modeChar:
		f.Kind = FileChar
		// MAJOR and MINOR (include/linux/kdev_t.h).
		f.Major, f.Minor = uint32(dev>>20), uint32(dev&(1<<20-1))
	}
	f.Path = k.path(file, satp, f.Inode)
	return f, true
}

// Bounds on paths.
const (
	maxPathDepth = 64
	maxNameLen   = 255 // NAME_MAX
)

// path walks from a file's dentry up to the root of its file system, from there to
// where that is mounted, and so on. Files on file systems that are not mounted have
// names of their own.
func (k *Kernel) path(file, satp, inode uint64) string {
	r := k.Reader(satp)
	dentry := r.Get(file, "file.f_path.dentry")
	mount := r.Container(r.Get(file, "file.f_path.mnt"), "mount.mnt")
	top := dentry
	var names []string
	for range maxPathDepth {
		parent := r.Get(dentry, "dentry.d_parent")
		if !r.OK() {
			return ""
		}
		if parent != dentry {
			names = append(names, r.dentryName(dentry))
			dentry = parent
			continue
		}
		// The root of a file system: where is it mounted?
		up := r.Get(mount, "mount.mnt_parent")
		switch {
		case !r.OK():
			return ""
		case up != mount:
			dentry, mount = r.Get(mount, "mount.mnt_mountpoint"), up
			continue
		case dentry == top || !r.mounted(mount):
			return r.nameless(top, inode)
		}
		var b strings.Builder
		for i := len(names) - 1; i >= 0; i-- {
			b.WriteString("/" + names[i])
		}
		return b.String()
	}
	return ""
}

// mounted tells whether the mount is in a namespace that is a process's: the kernel's
// own mounts, of pipes for instance, are not.
func (r *Reader) mounted(mount uint64) bool {
	const kernelOnly = ^uint64(0) - 4095 // MNT_NS_INTERNAL is ERR_PTR(-EINVAL)
	ns := r.Get(mount, "mount.mnt_ns")
	return r.OK() && ns != 0 && ns < kernelOnly
}

func (r *Reader) dentryName(dentry uint64) string {
	return r.String(r.Get(dentry, "dentry.d_name.name"), maxNameLen)
}

// nameless is what a file without a path is shown as in /proc/PID/fd.
func (r *Reader) nameless(dentry, inode uint64) string {
	name := r.dentryName(dentry)
	fs := r.String(r.Get(r.Get(r.Get(dentry, "dentry.d_sb"), "super_block.s_type"), "file_system_type.name"), maxNameLen)
	if !r.OK() {
		return ""
	}
	switch fs {
	case "pipefs", "sockfs":
		kind, _ := strings.CutSuffix(fs, "fs")
		if kind == "sock" {
			kind = "socket"
		}
		return fmt.Sprintf("%s:[%d]", kind, inode)
	case "anon_inodefs":
		return "anon_inode:" + name
	}
	return "/" + name
}
