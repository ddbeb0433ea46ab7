// SPDX-License-Identifier: Apache-2.0

// Gen reads the instruction specification (rv64.isa) and writes package isa's
// operation names, tables and decoder.
//
// Usage: gen SPEC DIR
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen SPEC DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(specName, dir string) error {
	text, err := os.ReadFile(specName)
	if err != nil {
		return err
	}
	files, err := generate(filepath.Base(specName), string(text))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// file is one generated file.
type file struct {
	name string
	text []byte
}

// generate turns the text of a specification into the generated files.
// specName appears in errors and in the files' headers.
func generate(specName, text string) ([]file, error) {
	s, err := parse(specName, text)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	var files []file
	for _, e := range []struct {
		name string
		emit func(*spec) string
	}{
		{"ops_gen.go", emitOps},
		{"tables_gen.go", emitTables},
		{"decode_gen.go", emitDecoder},
	} {
		src, err := formatted(specName, e.emit(s))
		if err != nil {
			return nil, fmt.Errorf("BUG: %s: %w", e.name, err)
		}
		files = append(files, file{e.name, src})
	}
	return files, nil
}
