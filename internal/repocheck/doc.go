// SPDX-License-Identifier: Apache-2.0

// Package repocheck holds the rules of the repository that a machine can check, as
// tests: which package may import which, where unsafe code may be, what device
// models must not do, what documentation may link to. Each rule has samples that it
// must find fault with, so that a rule that checks nothing is noticed.
package repocheck
