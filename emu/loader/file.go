// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ReadFile reads a whole file of at most limit bytes (MaxKernel, MaxInitrd). what
// says in errors what the file is for: "kernel".
func ReadFile(what, name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err // the name is said once
		}
		return nil, fmt.Errorf("%s %s: %w", what, name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, name, err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s %s: this is a directory; give a file", what, name)
	}
	size := info.Size() // zero for a pipe
	if size > limit {
		return nil, tooLarge(what, name, limit)
	}
	data, err := readAll(f, size, limit)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, name, err)
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(what, name, limit)
	}
	return data, nil
}

func tooLarge(what, name string, limit int64) error {
	return fmt.Errorf("%s %s: larger than %d MiB; give another file", what, name, limit>>20)
}

// readAll reads up to limit+1 bytes, into a buffer of the right size if size,
// which is a hint, is right.
func readAll(r io.Reader, size, limit int64) ([]byte, error) {
	buf := make([]byte, size)
	n, err := io.ReadFull(r, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return buf[:n], nil
	}
	if err != nil {
		return nil, err
	}
	rest, err := io.ReadAll(io.LimitReader(r, limit+1-size))
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return buf, nil
	}
	return append(buf, rest...), nil
}
