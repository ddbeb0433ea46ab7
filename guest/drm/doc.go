// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package drm drives Linux's DRM devices and the buffers that they share, with nothing
// but ioctls: cards and their GEM buffers, dma-bufs of all origins, fences, atomic
// modesetting, and the 2D engine of exynos-drm.
//
// It is what vdev's graphics commands (guest/cmds) and tests have in common, and short
// enough to copy from. A program that draws with the CPU, has the G2D read the picture,
// and looks at the result does this:
//
//	card, err := drm.Open(drm.Exynos)
//	src, err := card.NewImage(drm.SystemHeap, 64, 64, pixel.XRGB8888)
//	dst, err := card.NewImage(drm.SystemHeap, 64, 64, pixel.XRGB8888)
//	err = src.Draw(picture)                       // SYNC start, store, SYNC end
//	err = card.Run(drm.Copy(dst, image.Point{}, src, src.Bounds()))
//	result, err := dst.Read()                     // SYNC start, load, SYNC end
//
// Each method makes the calls that its comment says, and no others.
package drm
