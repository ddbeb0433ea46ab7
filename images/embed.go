// SPDX-License-Identifier: Apache-2.0

package images

import (
	"embed"
	"io/fs"
)

// kernelFragment is the configuration of the guest kernel.
//
//go:embed kernel/config.fragment
var kernelFragment string

//go:embed patches/*.patch
var patchFS embed.FS

// patch is one change to the kernel source.
type patch struct {
	name string
	text string
}

// patches returns vdev's patches to the kernel, in the order to apply them.
func patches() []patch {
	entries, err := fs.ReadDir(patchFS, "patches") // sorted by name
	if err != nil {
		panic("BUG: images: no patches: " + err.Error())
	}
	var all []patch
	for _, e := range entries {
		text, err := fs.ReadFile(patchFS, "patches/"+e.Name())
		if err != nil {
			panic("BUG: images: " + err.Error())
		}
		all = append(all, patch{e.Name(), string(text)})
	}
	return all
}
