// SPDX-License-Identifier: Apache-2.0

// Package images makes the guest image: a Linux kernel built from source with
// vdev's configuration and patches, and a u-root initramfs with vdev's guest
// programs.
//
// What is built lies in a cache, in entries named by a hash of everything that
// went into them (see store.go): unpacked and compiled in a temporary directory
// beside it, and moved into place in one step, so that an entry is either whole
// or absent. An entry carries the size and SHA-256 of its files and is checked
// each time it is used; a damaged one is built anew.
//
//	source     a kernel source tarball out of a Debian package
//	kernel     Image, vmlinux, config     <- source, patches, fragment, compiler
//	busybox    bb                         <- u-root's version, Go's version
//	initramfs  initramfs.cpio             <- busybox, guest programs
//	moduletree tree.tar                   <- kernel
//	driver     *.ko, *.ko.stripped        <- moduletree, guest/driver
//	guest      initramfs.cpio             <- initramfs, driver
//	deb        a Debian package as it is
//
// Packages come through the system's apt, from the mirror that its sources name,
// but with lists, cache and configuration of our own: the system's state is
// neither read nor written.
package images
