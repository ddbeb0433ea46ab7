// SPDX-License-Identifier: Apache-2.0

// Package g2d models Samsung's FIMG2D 4.1, the 2D accelerator that Linux drives with
// drivers/gpu/drm/exynos/exynos_drm_g2d.c ("samsung,exynos5250-g2d") and libdrm with
// exynos/exynos_fimg2d.c. There is no public manual; registers and meanings are from
// those, from Samsung's Android driver (fimg2d4x), and from Tobias Jakobi's branches of
// Linux and libdrm, which say what tests on hardware showed: which formats hang or are
// valid where, signed strides, reset values. What follows defines the results to the
// last bit; "(model)" marks what no public source says.
//
// # Pixels
//
// An operation works on ARGB8888 values. Narrower channels are widened by repeating
// their bits and narrowed by cutting the low bits off (model). Formats without alpha
// read as opaque, and their unused bits are written as ones (model). A8 has the colour
// of its A8_RGB_EXT register; L8 is grey, and is written as (77R+150G+29B+128)/256
// (model). A row's stride is signed. Patterns are RGB.
//
// YCbCr is 4:2:2 in one plane, or luma and CbCr planes for 4:4:4, 4:2:2 and 4:2:0. Where
// chroma is shared, rectangles and strides are even. Each chroma sample counts for all
// of its pixels, and is that of the upper left one when written (model). Strides are bytes, that of
// the chroma plane is luma's, twice that for 4:4:4 (model). Conversion is by the matrices
// in ycbcr.go, also from YCbCr to YCbCr (model). Mask pixels of 1 and 4 bits begin in a
// byte's low bits (model).
//
// # Walking
//
// Destination rows are done one after the other, from the top, or from the bottom if
// the y direction of the destination is negative; pixels of a row from the left or the
// right likewise. All that a row needs is read before it is written, which defines the
// result for images that overlap. Position i along a row and j down, counted from the
// start of the destination rectangle in walking order, take the source pixel that is i
// along its row and j down, in the source's walking order; pattern and mask likewise.
// With rotation, j counts along source rows, from the far end, and i down: the picture
// turns counter-clockwise by 90 degrees.
//
// With scaling, position p on an axis becomes p*factor/65536; nearest takes the whole
// part, bilinear interpolates between it and the next one, with the upper 8 bits of
// the fraction as weight, and rounds once: (sum of four products + 32768) / 65536
// (model). Mode 3 is bilinear that does not look beyond the last pixel. Positions
// behind the rectangle repeat it (0), are the pad colour (1), mirror it (2), are its
// last pixel (3), or are transparent black (4). Of an image, those rows are read that
// count, from the first pixel that counts to the last; a weight of 0 reads no neighbour.
//
// # Stages
//
// In this order, for each pixel inside of the clipping window:
//
//  1. Blue screen: a source pixel with the colour of BS_COLOR, whatever its alpha, is
//     not drawn (transparent) or becomes BG_COLOR (bluescreen).
//  2. Colour keys, on source and destination as read: a pixel is drawn if each tested
//     channel is within its bounds; with inverse, if not.
//  3. Premultiplication of source, destination and pattern, rounded as ROUND_MODE says.
//  4. Masking: each channel of the source times that of the mask, divided by 255 and
//     rounded to nearest. A mask of few bits, or of type alpha, is the same for all
//     channels.
//  5. Raster operation: bit by bit, the bit of the ROP3 with the number
//     third*4+source*2+destination. With mask_rop4, the masked ROP3 counts where the mask
//     pixel is not zero in all channels (model). Alpha is the source's unless rop4_alpha.
//  6. Blending: channel by channel, source coefficient times the result so far plus
//     destination coefficient times destination, at most 255. Ratios of alphas are
//     rounded to nearest, at most 1, and 1 if the divisor is 0 (model).
//  7. Division by alpha (depremultiply), to nearest (model).
//
// A solid fill does none of this, and ignores the clipping window: it writes SF_COLOR.
// Foreground, background, pad and key values are ARGB8888: so Samsung's driver for the
// foreground; Jakobi's says that it has the destination's format.
//
// # Time, lists and errors
//
// A command list is a count of pairs, the pairs of register offset and value, and the
// address of the next list or 0. The pair that follows a SOFT_RESET of the registers is
// swallowed, as Linux knows. Lists may not write the registers that run lists. A bitblt
// takes 5 ns per pixel of the image of which it needs most, a list a microsecond and
// 10 ns per pair more (model); memory is touched when the time is over, in bands of rows,
// so that what software does in between meets work in flight. GCMD comes when the engine holds after a list, UCMD (model) when it holds
// after a bitblt, ACMD after the last list, SCMD after a bitblt that the CPU started.
//
// No public source has an error interrupt. A bitblt whose registers make no sense is
// skipped, where hardware is known to hang; one that meets a bus error ends there. Both
// are reported and count as done. A list that cannot be read, or is longer than
// MaxPairs, ends the run.
//
// Missing, and reported when used, since no public source says what they do: colour keys
// on YCbCr values, dithering, the WinCE blend function and font masks, fading,
// DMA_EXE_LIST_NUM, the user hold, the gamma table said to follow the colour keys, and
// CASESEL, which Jakobi's libdrm sets where a list has several bitblts.
package g2d
