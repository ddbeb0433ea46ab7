// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"vdev/mmio/virtio"
)

// disk is a file as the backend of a block device.
type disk struct {
	file     *os.File
	size     int64
	readOnly bool
}

var _ virtio.Backend = (*disk)(nil)

// openDisk opens a disk image and locks it, so that two machines cannot destroy it
// together.
func openDisk(name string, readOnly bool) (*disk, error) {
	mode := os.O_RDWR
	if readOnly {
		mode = os.O_RDONLY
	}
	f, err := os.OpenFile(name, mode, 0)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) && !readOnly {
			return nil, fmt.Errorf("disk %s: permission denied; give --disk-readonly if the guest need not write", name)
		}
		return nil, fmt.Errorf("disk %s: %w", name, errors.Unwrap(err))
	}
	d := &disk{file: f, readOnly: readOnly}
	if err := d.check(name); err != nil {
		f.Close()
		return nil, err
	}
	return d, nil
}

func (d *disk) check(name string) error {
	st, err := d.file.Stat()
	if err != nil {
		return fmt.Errorf("disk %s: %w", name, err)
	}
	if st.IsDir() {
		return fmt.Errorf("disk %s: is a directory", name)
	}
	if d.size, err = d.file.Seek(0, 2); err != nil {
		return fmt.Errorf("disk %s: not a file with a size", name)
	}
	if d.size < virtio.SectorSize {
		return fmt.Errorf("disk %s: smaller than one sector of %d bytes", name, virtio.SectorSize)
	}
	how := unix.LOCK_EX
	if d.readOnly {
		how = unix.LOCK_SH
	}
	if err := unix.Flock(int(d.file.Fd()), how|unix.LOCK_NB); err != nil {
		return fmt.Errorf("disk %s: in use by another machine", name)
	}
	return nil
}

func (d *disk) ReadAt(p []byte, off int64) (int, error)  { return d.file.ReadAt(p, off) }
func (d *disk) WriteAt(p []byte, off int64) (int, error) { return d.file.WriteAt(p, off) }
func (d *disk) Size() int64                              { return d.size }
func (d *disk) Flush() error                             { return d.file.Sync() }
func (d *disk) ReadOnly() bool                           { return d.readOnly }

// Close writes back and closes.
func (d *disk) Close() error {
	if d == nil {
		return nil
	}
	if d.readOnly {
		return d.file.Close()
	}
	return errors.Join(d.file.Sync(), d.file.Close())
}
