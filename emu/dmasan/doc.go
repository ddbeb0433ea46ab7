// SPDX-License-Identifier: Apache-2.0

// Package dmasan is the sanitizer: it sees the order of the accesses to lines that
// are shared between harts and bus masters, and reports every one that relies on
// luck.
//
// It never looks at what the cache model happens to do. For each byte of a line it
// knows who wrote it last and which maintenance came since; that alone decides. So
// the verdict on a program is the same in lazy, eager and random mode and for every
// seed. Values are shown in reports, never compared.
//
// What is remembered of a line, in bit masks with a bit per byte:
//
//	wrote      a hart wrote it since the last clean, invalidate or flush (kept by mem)
//	dev        a bus master wrote it last, and no invalidate or flush came since
//	nc         the same for a non-cacheable store
//	clobbered  dev or nc, and a hart made the line dirty afterwards: an eviction puts
//	           the old bytes back
//	lost       clobbered, and maintenance came since: the bytes are gone if the
//	           eviction happened
//	thrown     a hart wrote it last, and an invalidate came before any clean
//	settled    dev, nc, clobbered or lost, but nothing to tell about cacheable reads:
//	           reported already, or probably dead (below)
//
// The rules (Observe in rules.go) are what follows from "may this access see other
// bytes than those written last, or destroy them, for some choice of evictions and
// fetches that the hardware is free to make". Losing bytes is reported when
// somebody uses them afterwards, because freed memory is full of bytes that nobody
// needs.
//
// Dead bytes are the one thing that the order of accesses does not show. Linux
// frees coherent (non-cacheable) buffers without maintenance, and their next owner
// writes through the cacheable mapping first. So a cacheable store to a page that
// was last used through a non-cacheable mapping settles all its lines.
//
// And Linux lets programs write to a page of the page cache while the disk reads it:
// whatever the disk got, the page is written again. Such a store comes after the
// page was cleaned for the device, by somebody else; see racesWithOwner.
//
// What an IOMMU refuses is another matter, and needs no cache: a Port sits before and
// behind the IOMMU of a bus master, and remembers which pages the master has used;
// together with who had the IOMMU forget translations (Invalidated), that tells apart
// the ways in which a mapping can be missing (judge in fault.go).
//
// The guest's kernel is asked when a report is made, and not before: which buffer a page
// belongs to (package linux), and whether it takes a device for coherent. What programs
// asked of it, package strace tells as it happens (SyncDone).
package dmasan
