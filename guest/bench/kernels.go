// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
)

// loop is a chain of dependent shifts, xors and an add in registers: the
// processor's plain speed.
func loop(millions int) uint64 {
	x := uint64(88172645463325252)
	sum := uint64(0)
	for range millions * 1000000 / 8 { // some eight instructions each
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		sum += x
	}
	return sum
}

// memcpy copies blocks of many sizes, aligned and not.
func memcpy(mib int) uint64 {
	const size = 1 << 20
	src, dst := make([]byte, size+64), make([]byte, size+64)
	for i := range src {
		src[i] = byte(i * 11)
	}
	sum, block := uint64(0), 16
	for i := range mib {
		skew := i % 8
		for at := 0; at < size; at += block {
			copy(dst[at+skew:at+skew+block], src[at:at+block])
		}
		sum = sum*31 + uint64(dst[(i*7919)%size])
		if block *= 4; block > size {
			block = 16
		}
	}
	return sum
}

// body is a mass point.
type body struct {
	p, v [3]float64
	m    float64
}

// nbody integrates five bodies. The conversions forbid fused operations, so
// that the checksum is the same everywhere.
func nbody(thousands int) uint64 {
	bodies := [5]body{{m: 40}}
	for i := 1; i < len(bodies); i++ {
		r := float64(i * i)
		bodies[i] = body{p: [3]float64{r, 0, r / 16}, v: [3]float64{0, 6 / math.Sqrt(r), 0}, m: 1 / float64(8*i)}
	}
	const dt = 0.001
	for range thousands * 1000 {
		for i := range bodies {
			for j := i + 1; j < len(bodies); j++ {
				a, b := &bodies[i], &bodies[j]
				var d [3]float64
				d2 := 0.0
				for k := range d {
					d[k] = a.p[k] - b.p[k]
					d2 += float64(d[k] * d[k])
				}
				f := dt / float64(d2*math.Sqrt(d2))
				for k := range d {
					a.v[k] -= float64(float64(d[k]*b.m) * f)
					b.v[k] += float64(float64(d[k]*a.m) * f)
				}
			}
		}
		for i := range bodies {
			for k := range bodies[i].p {
				bodies[i].p[k] += float64(dt * bodies[i].v[k])
			}
		}
	}
	sum := uint64(0)
	for _, b := range bodies {
		sum = sum*31 + math.Float64bits(b.p[0]) ^ math.Float64bits(b.v[1])
	}
	return sum
}

// mandel counts iterations over rows of the Mandelbrot set.
func mandel(rows int) uint64 {
	const width, limit = 256, 200
	sum := uint64(0)
	for row := range rows {
		ci := float64(row)*2/float64(rows) - 1
		for col := range width {
			cr := float64(col)*3/width - 2
			zr, zi := 0.0, 0.0
			n := 0
			for ; n < limit; n++ {
				r2, i2 := float64(zr*zr), float64(zi*zi)
				if r2+i2 > 4 {
					break
				}
				zr, zi = r2-i2+cr, float64(2*zr*zi)+ci
			}
			sum = sum*131 + uint64(n)
		}
	}
	return sum
}

// linpack solves dense equations by elimination with pivoting.
func linpack(times int) uint64 {
	const n = 100
	var a [n][n + 1]float64
	sum := uint64(0)
	for t := range times {
		seed := uint32(t + 1)
		for i := range a {
			for j := range a[i] {
				seed = seed*1664525 + 1013904223
				a[i][j] = float64(seed>>8)/(1<<24) - 0.5
			}
		}
		for k := range n {
			pivot := k
			for i := k + 1; i < n; i++ {
				if math.Abs(a[i][k]) > math.Abs(a[pivot][k]) {
					pivot = i
				}
			}
			a[k], a[pivot] = a[pivot], a[k]
			for i := k + 1; i < n; i++ {
				f := a[i][k] / a[k][k]
				for j := k; j <= n; j++ {
					a[i][j] -= float64(f * a[k][j])
				}
			}
		}
		for k := n - 1; k >= 0; k-- {
			for j := k + 1; j < n; j++ {
				a[k][n] -= float64(a[k][j] * a[j][n])
			}
			a[k][n] /= a[k][k]
		}
		sum = sum*31 + math.Float64bits(a[0][n])
	}
	return sum
}

// text makes bytes that compress like prose.
func text(n int) []byte {
	words := []string{"buffer ", "cache ", "line ", "the ", "device ", "of ", "memory ", "fence ", "is ", "clean.\n"}
	var b []byte
	seed := uint32(1)
	for len(b) < n {
		seed = seed*1664525 + 1013904223
		b = append(b, words[seed>>16%uint32(len(words))]...)
		if seed>>28 == 0 {
			b = binary.LittleEndian.AppendUint32(b, seed)
		}
	}
	return b[:n]
}

// hash computes SHA-256 with the standard library.
func hash(mib int) uint64 {
	data := text(1 << 20)
	h := sha256.New()
	for range mib {
		h.Write(data)
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// gz compresses and expands with the standard library. The checksum is of
// what comes back: how compression cuts its blocks may change with Go.
func gz(mib int) uint64 {
	data := text(1 << 20)
	h := sha256.New()
	for range mib {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(data); err != nil {
			panic("BUG: bench: " + err.Error())
		}
		if err := w.Close(); err != nil {
			panic("BUG: bench: " + err.Error())
		}
		r, err := gzip.NewReader(&packed)
		if err != nil {
			panic("BUG: bench: " + err.Error())
		}
		if _, err := io.Copy(h, r); err != nil {
			panic("BUG: bench: " + err.Error())
		}
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}
