// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"strings"
	"syscall"
)

// gosh is u-root's shell, one of many names of one program.
const gosh = "/bbin/gosh"

// runShell becomes gosh with the arguments that were meant for sh.
func runShell() {
	args := append([]string{gosh}, shellArgs(os.Args[1:])...)
	err := syscall.Exec(gosh, args, os.Environ())
	os.Stderr.WriteString("sh: " + gosh + ": " + err.Error() + "\n")
	os.Exit(127)
}

// shellArgs turns arguments of sh into arguments of gosh, which gives scripts
// no positional parameters: here a "set --" in front of the script does.
func shellArgs(args []string) []string {
	switch {
	case len(args) >= 3 && args[0] == "-c":
		// args[2] is $0, which cannot be set.
		return []string{"-c", "set --" + quoteAll(args[3:]) + "\n" + args[1]}
	case len(args) >= 2 && !strings.HasPrefix(args[0], "-"):
		file := args[0]
		if !strings.Contains(file, "/") {
			file = "./" + file // or "." would search PATH
		}
		return []string{"-c", "set --" + quoteAll(args[1:]) + "\n." + quoteAll([]string{file})}
	}
	return args
}

// quoteAll makes shell words of args, each with a space before it.
func quoteAll(args []string) string {
	var b strings.Builder
	for _, a := range args {
		b.WriteString(" '" + strings.ReplaceAll(a, "'", `'\''`) + "'")
	}
	return b.String()
}
