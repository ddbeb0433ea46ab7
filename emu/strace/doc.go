// SPDX-License-Identifier: Apache-2.0

// Package strace follows the ioctls that the guest's processes make, from outside the
// guest: the machine tells it of each environment call from user mode and of each
// return there, and it reads the rest from registers and memory.
//
// The life of a call:
//
//  1. Enter: registers and structure are read, and for calls that sync a buffer the
//     state of its cache lines.
//  2. While the task is in the kernel, Maintained counts the lines that it cleans or
//     invalidates.
//  3. The task returns to user mode. After the ecall: a0 is the result. At the ecall:
//     a signal came, and the call is made again. Elsewhere: a signal's handler runs,
//     and the result is what the task finds after the ecall when it gets there.
//  4. The line is printed, and whoever asked for sync calls is told.
//
// A task that dies in a call never returns. Its task_struct says so, or has become
// another task's, which is looked at now and then.
package strace
