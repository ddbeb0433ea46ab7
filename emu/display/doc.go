// SPDX-License-Identifier: Apache-2.0

// Package display turns the pictures of a display controller into files: Still keeps
// the last one as a PNG, Y4M records them all as a video. Both only format: where the
// bytes go is up to the caller, and the same pictures give the same bytes.
package display
