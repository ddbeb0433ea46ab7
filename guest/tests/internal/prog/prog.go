// SPDX-License-Identifier: Apache-2.0

// Package prog is the command line of guest programs that have a correct and a broken
// form.
package prog

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// command is what the program is called.
func command() string { return filepath.Base(os.Args[0]) }

// args returns the command line's "NAME correct|broken", or says how it is to be and
// exits with status 2. What is what the usage calls NAME, and all are those that there are,
// if that is known.
func args(what string, all []string) (name string, broken bool) {
	if len(os.Args) != 3 || os.Args[2] != "correct" && os.Args[2] != "broken" {
		out, status := os.Stderr, 2
		if len(os.Args) == 2 && (os.Args[1] == "-h" || os.Args[1] == "--help") {
			out, status = os.Stdout, 0
		}
		fmt.Fprintf(out, "usage: %s %s correct|broken\n", command(), what)
		if len(all) > 0 {
			fmt.Fprintf(out, "%s is one of these, several joined by commas, or \"all\":\n  %s\n", what, strings.Join(all, "\n  "))
		}
		os.Exit(status)
	}
	return os.Args[1], os.Args[2] == "broken"
}

// Main runs the programs that the command line names, joined by commas, or all of them if
// it says "all", and exits: with status 1 if a correct form was wrong, 2 if one could not
// run. In all, what follows a name after a space is for people. Run prints what it found.
func Main(all []string, run func(name string, broken bool) (right bool, err error)) {
	name, broken := args("NAME", all)
	names := strings.Split(name, ",")
	if name == "all" {
		names = nil
		for _, line := range all {
			name, _, _ := strings.Cut(line, " ")
			names = append(names, name)
		}
	}
	status := 0
	for _, name := range names {
		right, err := run(name, broken)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %s: %v\n", command(), name, err)
			os.Exit(2)
		}
		if !right && !broken {
			status = 1
		}
	}
	os.Exit(status)
}

// Run runs the program that the command line names, and exits with status 1 if it
// failed. What is what the usage calls the name.
func Run(what string, run func(name string, broken bool) error) {
	if err := run(args(what, nil)); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", command(), err)
		os.Exit(1)
	}
}

// Word is how programs print whether they found what is right.
func Word(right bool) string {
	if right {
		return "right"
	}
	return "wrong"
}
