// SPDX-License-Identifier: Apache-2.0

// Package pixel has pixel formats, pictures in them, and a test picture, in plain Go:
// what programs draw with the CPU, and what tests compare devices with.
//
// Colours are ARGB8888 words throughout, premultiplied where that matters. Narrower
// channels are widened by repeating their bits and narrowed by cutting the low bits
// off, as the devices do.
package pixel
