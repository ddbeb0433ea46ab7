// SPDX-License-Identifier: Apache-2.0

// Package ioctl is the guest-visible ABI: DRM with mode setting, the exynos and vgem
// drivers, dma-buf, dma-heap, udmabuf, sync_file and sw_sync as Linux has them, and
// vdev's own kernel drivers. Request numbers, structures, and the values in them are
// declared once, here. Guest programs use them as they are, the tracer decodes with
// them, and the C headers of our own drivers are generated from them (package
// cheader).
//
// # Names
//
// A C structure drm_mode_create_dumb is DRMModeCreateDumb here, its field bo_handle
// would be BoHandle: each word starts with a capital, and DRM, DMA and G2D are all
// capitals. Constants have the names that C gives them. Structures are little-endian
// with explicit padding, so that encoding/binary reads them too.
//
// # Making an ioctl
//
// [Do] makes an ioctl on Linux and restarts it after a signal; [Result] also returns
// its result, [DoNone] is for those without an argument, [DoList] for those with a
// list behind the structure. [SetName] names a dma-buf. Fields that are pointers are
// filled with [Pointer]:
//
//	dumb := ioctl.DRMModeCreateDumb{Width: 1280, Height: 720, Bpp: 32}
//	if err := ioctl.Do(fd, ioctl.DRM_IOCTL_MODE_CREATE_DUMB, &dumb); err != nil {
//		return err
//	}
//
//	var pin runtime.Pinner
//	defer pin.Unpin()
//	list := ioctl.DRMExynosG2DSetCmdlist{
//		Cmd: ioctl.Pointer(&pin, cmds), CmdNr: uint32(len(cmds)),
//	}
//	err := ioctl.Do(fd, ioctl.DRM_IOCTL_EXYNOS_G2D_SET_CMDLIST, &list)
//
// # Decoding an ioctl
//
// [Begin] reads the argument from the caller's memory before the call; [Call.In] and
// [Call.Out] print it before and after the call as strace does, following pointers.
// Requests that are not declared are printed by their parts. [Read] reads a single
// structure, and [Lookup] finds what is declared about a request, a [Desc].
//
//	call := ioctl.Begin(req, ioctl.FamilyExynos, mem, arg) // FamilyUnknown if it is
//	line := call.Name() + ", " + call.In(annotate)         // before the call
//	if succeeded {
//		line += " => " + call.Out(annotate)
//	}
//
// Annotate replaces file descriptors, handles and objects by what the caller knows
// about them; it may be nil.
//
// # Declaring an ioctl
//
// A constant of type [Request] whose comment names the structure of its argument is
// an entry of the table ("none", "uint32" and "string" are those without one); its
// block ends its comment with //ioctl:family NAME. If requests share a structure, each
// comment goes on with the fields that it reads and those that it writes, as in
// "DRMPrimeHandle: Handle, Flags -> Fd", where Flags=SET gives a field other flags.
//
// A block of constants that ends its comment with //ioctl:flags NAME or //ioctl:enum
// NAME is a set of values with names; "// of MASK" behind a flag makes it the value of
// a field of several bits.
//
// Fields of structures have a tag ioctl:"...", a list of:
//
//	out, inout      the kernel writes it, or also (without: the program writes it)
//	pad             not printed while it is 0
//	hidden          not there in C, where it is padding
//	hex             printed in hexadecimal
//	fixed           fixed point, 16.16
//	signed          may be negative, although C says otherwise
//	flags=SET       flags of a set; SET+SET joins sets
//	enum=SET        one value of a set
//	fd, handle, syncobj, object, fourcc, modifier, g2dreg
//	                what the value is, see Kind
//	ptr=TYPE,len=N  points to as many TYPE (u16, u32, u64, bytes, str, or a
//	                structure) as the field N says, or sum(N): the sum of the
//	                array that N points to
//	partial, exact  the kernel fills what has room, or only if the room is the
//	                length (without: if all has room)
//	tail=TYPE       as many TYPE follow the structure, named tailname=NAME
//	if=N            not printed while the field N is 0
//	c=NAME          its name in C, if it does not follow from the name here
//	outname=NAME    its name in C after the call
//
// # Documenting an ioctl
//
// The comment of a structure, or that of the constant if several share the structure,
// says what the request does. "Blocks until ...", a paragraph of its own, says what it
// waits for, and sentences such as "EINVAL: the size is 0." at the end say what each
// error means. Fields have comments with units. Requests of our own drivers also occur
// in example_test.go.
//
// The tables in tables.go, the C headers and docs/ioctl.md are generated from all this.
package ioctl

//go:generate go run ./cheader/gen
//go:generate go run ./tablegen/gen
//go:generate go run ./docgen/gen
