// SPDX-License-Identifier: Apache-2.0

// Package fimd models the FIMD, the display controller of Samsung's Exynos 4 that
// Linux drives with drivers/gpu/drm/exynos/exynos_drm_fimd.c
// ("samsung,exynos4210-fimd") and include/video/samsung_fimd.h. Registers and meanings
// are from those, from QEMU's model, and from what Samsung published of the manuals of
// this and related chips. What follows defines the picture to the last bit; "(model)"
// marks what no public source says.
//
// # Time
//
// VCLK is the clock sclk_fimd, divided by CLKVAL_F+1 if CLKDIR is set. A frame begins
// with the sync (VSPW+1 lines), then come back porch, picture and front porch; a line
// likewise. Everything happens at the start of one of these parts, in virtual time; a
// position that nobody asks for costs nothing. Frames shorter than 100 µs are refused
// (model): the display does not start, or keeps the timing that it has.
//
// ENVID and ENVID_F together start the display, at once and with the beginning of a
// frame; clearing ENVID stops it at once, clearing ENVID_F alone at the end of the frame.
// At the beginning of each frame, which is the vsync, what registers say takes effect:
// those of each window that SHADOWCON does not protect (including its channel's enable
// bit), BLENDCON, timing, and palettes with WPALCON unless PALUPDATE is set (model).
// SHD_* and WINCON's BUFSTATUS show what is in force.
//
// The frame interrupt becomes pending at the moments of FRAMESEL0 and FRAMESEL1, if
// INTEN and INTFRMEN are set (model); at the vsync, after registers have taken effect.
//
// # Scan-out
//
// At a vsync the visible part of each window is read, line by line, as if in an instant
// (model): at the one at which registers take effect, and at later ones if memory may
// have changed (mmio.ChangeTracker). If memory cannot tell, that is while somebody sees
// the frames (SetOnFrame). Memory that is being drawn to, as dirty lines in the cache
// show, is read when that has been over for two frames, unless a register of the window
// was written: software that cleans what it has drawn is not to blame for the time
// before. Nothing is read while nothing depends on vsyncs: no enabled interrupt, no
// registers to take effect and nobody who sees frames. Screenshot looks at memory as it
// is then, without a trace. A window with WINMAP reads nothing.
//
// If the bus fails, the window's FIFO runs empty: from the first line that failed on,
// the window's pixels are zero bits (model), an event is reported, and the FIFO
// interrupt becomes pending if INTFIFOEN is set, FIFOSEL has the window and FIFOLEVEL is
// not "full" (model). The window is tried again at each vsync.
//
// Line j of a window begins at its start address plus j times PAGEWIDTH+OFFSIZE bytes.
// It is a sequence of 64-bit words, counted from the line's first byte (model), little
// endian. WSWP, HAWSWP, BYTSWP and BITSWP reverse the order of the words, halfwords,
// bytes and bits in each; pixels then follow each other from the upper end down.
// Addresses have 32 bits; what is beyond fails. End addresses, OSD sizes and burst lengths
// have no effect, and a PAGEWIDTH that is too small for the window is reported (model).
//
// # Pixels
//
// Pixels of less than 8 bits and 8-palette are numbers of colours in the palette, whose
// format WPALCON selects: 565, A555, 666, A665, A666, 888, A888 or 8888. A is one bit, AEN, in
// all formats, except that BPPMODE A888 and A444 and the palette format 8888 have alpha
// values, of 8, 4 and 8 bits, while BLD_PIX and ALPHA_SEL are set. I555 has 6 bits of
// each colour, the lowest of which, bit 15, is common. All formats of 24 bits and more are
// unpacked, 32 bits apart; the chip has no packed ones. Narrower colours are widened by
// repeating their bits. WIN_RGB_ORDER exchanges red and blue of what is read.
//
// # Alpha
//
// ALPHA0 and ALPHA1 of windows 1 to 4 have their upper 4 bits in VIDOSD_C and the lower
// ones in VIDW_ALPHA0 and 1; window 0 has all in the latter. With 4-bit values
// (BLENDCON) the upper 4 bits are repeated. AlphaA of a pixel is, for each colour,
//
//   - without BLD_PIX, ALPHA1 if ALPHA_SEL is set, else ALPHA0;
//   - the alpha value, if the pixel has one; with 4-bit values its lower 4 bits, repeated;
//     with ALPHA_MUL, not in window 0, multiplied by ALPHA0;
//   - else ALPHA1 if AEN is set, and ALPHA0 if it is not or the format has none. The
//     colour of WINMAP has none (model).
//
// # Composition
//
// The panel is black, with alpha 0, where there is no window (model). Window 0
// replaces what is there. Windows 1 to 4 follow in this order: with A the window's
// pixel and B what is there, the colour becomes a·A + b·B and the alpha p·alphaA +
// q·alphaB, with the factors of BLENDEQ; codes that do not exist count as 0 and are
// reported (model).
//
// A colour key compares the pixel, or with DIRCON what is there, with COLVAL, in the bits
// that are not set in COMPKEY. Without KEYBLEN nothing is blended: where it matches, what
// is there stays, else the pixel replaces it; with DIRCON it is the other way round. A
// pixel that replaces has alphaA 255 in the equation of alpha (model). With KEYBLEN,
// alphaA of matching pixels is that of WKEYALPHA (model).
//
// Products of values of 8 bits are divided by 255 and rounded to nearest, sums of two
// products once; results are at most 255 (model).
//
// # Missing
//
// Reported as unimplemented when used: interlaced, TV, write-back and i80 output, local
// and YCbCr input, automatic buffer change, channel mapping, dithering, colour gain.
package fimd
