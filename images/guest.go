// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"io"
	"os"
	"path/filepath"
)

// guestRecipe is part of a guest's key: see kernelRecipe.
const guestRecipe = "1"

// guest returns the entry of the initramfs that goes with a kernel: initramfs, and
// the modules for that kernel. Without any, it is initramfs itself, and driver is
// nil.
func (b *builder) guest(ctx context.Context, kernel, initramfs *entry, build bool) (guest, driver *entry, err error) {
	src := b.opts.SourceDir
	if src == "" {
		if src, err = FindSource(); err != nil {
			return b.lastGuest(kernel, initramfs)
		}
	}
	driver, err = b.driver(ctx, src, kernel, build)
	if err != nil || driver == nil {
		return initramfs, nil, err
	}
	inputs := guestInputs(kernel, initramfs, driver.Key)
	if e, err := b.store.lookup("guest", inputs); err == nil || !build {
		return e, driver, err
	}
	e, err := b.store.ensure(ctx, "guest", inputs, []string{initramfsFile}, func(_ context.Context, dir string) error {
		return appendModules(filepath.Join(dir, initramfsFile), initramfs, driver)
	})
	if err == nil {
		b.store.prune(ctx, "guest", 8)
	}
	return e, driver, err
}

// inputDriver names the input that is the key of the modules.
const inputDriver = "driver"

func guestInputs(kernel, initramfs *entry, driver string) []input {
	return []input{{"recipe", guestRecipe}, {"kernel", kernel.Key}, {"initramfs", initramfs.Key}, {inputDriver, driver}}
}

// lastGuest is the way out where there is no source: the last guest used that fits,
// or else one without modules.
func (b *builder) lastGuest(kernel, initramfs *entry) (guest, driver *entry, err error) {
	e, err := b.store.newest("guest", func(m manifest) bool {
		return m.Key == keyOf("guest", guestInputs(kernel, initramfs, m.input(inputDriver)))
	})
	if err != nil {
		return initramfs, nil, nil
	}
	if driver, err = b.store.open("driver", e.input(inputDriver)); err != nil {
		driver = nil // they are in the guest; what is missing is their debug information
	}
	return e, driver, nil
}

// appendModules writes a copy of initramfs with the modules to a file. The kernel
// takes any number of archives one after the other, see
// Documentation/driver-api/early-userspace/buffer-format.rst.
func appendModules(file string, initramfs, driver *entry) error {
	records, err := moduleRecords(driver)
	if err != nil {
		return err
	}
	in, err := os.Open(initramfs.path(initramfsFile))
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	n, err := io.Copy(out, in)
	if err != nil {
		return err
	}
	// The next archive begins at a multiple of four bytes.
	if _, err := out.Write(make([]byte, -n&3)); err != nil {
		return err
	}
	if err := writeArchive(out, records); err != nil {
		return err
	}
	return out.Close()
}
