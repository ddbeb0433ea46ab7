// SPDX-License-Identifier: Apache-2.0

// Mkbusybox compiles u-root's commands into one multi-call binary for the guest.
//
//	mkbusybox -o FILE -src DIR PACKAGE...
//
// It is a program of its own, run with the module root as working directory,
// because the busybox builder resolves import paths against the module it is
// started in: so the versions in vdev's go.mod are the ones that are built.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/u-root/gobusybox/src/pkg/bb"
	"github.com/u-root/gobusybox/src/pkg/golang"
	"github.com/u-root/uio/ulog"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("mkbusybox: ")
	out := flag.String("o", "", "`file` to write the binary to")
	src := flag.String("src", "", "empty `directory` for the generated source")
	goarch := flag.String("goarch", "riscv64", "target `architecture`")
	flag.Parse()
	if *out == "" || *src == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	// Of the shell's three kinds the small one: it leaves the terminal as it is, so
	// that programs started from it can read lines. The others edit lines
	// themselves, keep the terminal raw while a program runs, or wait at start-up
	// for the terminal to answer questions.
	env := golang.Default(golang.DisableCGO(), golang.WithGOOS("linux"), golang.WithGOARCH(*goarch),
		golang.WithBuildTag("goshsmall"))
	err := bb.BuildBusybox(ulog.Null, &bb.Opts{
		Env:          env,
		GenSrcDir:    *src,
		CommandPaths: flag.Args(),
		BinaryPath:   *out,
		// The link is stripped and without a path or build id, so that the same
		// sources give the same bytes everywhere.
		GoBuildOpts: &golang.BuildOpts{EnableInlining: true, ExtraArgs: []string{"-buildvcs=false"}},
	})
	if err != nil {
		log.Fatal(err)
	}
}
