// SPDX-License-Identifier: Apache-2.0

// Package softfloat is IEEE 754-2019 binary arithmetic on raw bit patterns, with the choices the RISC-V F, D and Zfhmin
// extensions make where IEEE leaves one open:
//
//   - every NaN result is the canonical NaN of its format, payloads do not travel (unprivileged manual, "NaN Generation
//     and Propagation");
//   - tininess is detected after rounding;
//   - infinity times zero raises NV in a fused multiply-add even when the addend is a quiet NaN;
//   - minimum and maximum are minimumNumber and maximumNumber, and -0 is less than +0;
//   - conversions to integers saturate, with NV and without NX.
//
// Each operation has two implementations. The integer one (methods of format) handles every operand, rounding mode and
// flag. In front of it most operations have a short cut through the host's floating point, taken only where the result
// and all flags are known to be those of the integer one: round to nearest even, no NaN or infinity in the result, no
// result near the underflow threshold, and either NX is set already or the rounding error was computed exactly. Go
// hosts round to nearest even and keep subnormals, so results do not depend on the machine vdev runs on.
//
// Operands and results are plain patterns: NaN boxing belongs to the register file.
package softfloat
