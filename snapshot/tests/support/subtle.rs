//! Pickles that are easily read in another way than CPython does.

/// Values whose meaning is easily missed, each a pickle of protocols 0 to 4 that pushes one.
#[rustfmt::skip]
pub const SUBTLE: &[&[u8]] = &[
    // Numbers in decimal: octal, hexadecimal, signs, spaces, bools by another name.
    b"I010\n", b"I0x1F\n", b"I+1\n", b"I-0\n", b"I 1\n", b"I1 \n", b"I00\n", b"I01\n", b"I1_0\n",
    b"L010L\n", b"L0x1FL\n", b"L1_0L\n", b"L-0L\n", b"L 5L\n", b"L5\n", b"I5L\n", b"I\n", b"LL\n",
    b"I9223372036854775808\n", b"L-9223372036854775809L\n", b"I1\0\n", b"I-1\n", b"L7L\n",
    b"F1.5\n", b"F 1.5\n", b"F1.5 \n", b"F1e999\n", b"Finf\n", b"F-Infinity\n", b"Fnan\n",
    b"F1_0.0\n", b"F1.5\0x\n", b"F.5\n", b"F5.\n", b"F-0.0\n", b"F1E5\n", b"F\n", b"Fe\n",
    b"\x8a\0", b"\x8a\x01\x80", b"\x8a\x02\xff\0", b"\x8a\x09\0\0\0\0\0\0\0\x80\xff",
    b"\x8b\xff\xff\xff\xff",
    // Text.
    b"Va\\u0041\n", b"V\\\\u0041\n", b"V\\ud83d\\ude00\n", b"V\\u12\n", b"V\\\n", b"V\xe9\n",
    b"V\r\n", b"X\x06\0\0\0\xed\xa0\xbd\xed\xb8\x80", b"X\x02\0\0\0\xc0\x80",
    b"X\x03\0\0\0\xed\xa0\x80",
    // What stands below a mark is out of reach.
    b"](K\x01a", b"}(K\x01K\x02s", b"]((K\x01e", b"](1", b"](0", b"K\x01(2", b"(0K\x01",
    b"](K\x01\x851", b"](e", b"}(u", b"K\x05(e", b"K\x05(u", b"\x8f(\x90", b"](K\x01e",
    b"}(K\x01u", b"](K\x01K\x02ee",
    // Equal keys, and keys that cannot be some.
    b"}(K\x01Na\x88Nu", b"}(K\x01N\x88Nu", b"}(K\x01NG\x3f\xf0\0\0\0\0\0\0Nu", b"}(]Nu",
    b"}(]\x85Nu", b"}(K\x00N\x89Nu", b"\x8f(K\x01K\x01\x90", b"\x8f(]\x90", b"(K\x01\x88\x91",
    b"(]\x91", b"(]\x850", b"(]\x850)", b"}(K\x01\x85N\x88\x85Nu", b"}(K\x01\x91Nu",
    b"}((K\x01\x91N(\x88\x91Nu", b"}(Fnan\nNFnan\nNu", b"}(Fnan\nq\x30Nh\x30Nu",
    b"}(Finf\nNG\x7f\xf0\0\0\0\0\0\0Nu", b"}(I9223372036854775808\nNG\x43\xe0\0\0\0\0\0\0Nu",
    b"}(X\x01\0\0\0aNX\x01\0\0\0aK\x01u", b"(X\x01\0\0\0aK\x01X\x01\0\0\0bK\x02d", b"(K\x01d",
    b"(K\x01K\x02l", b"(K\x01K\x01Nd", b"(l", b"(d", b"(t",
    b"}(X\x01\0\0\0aK\x01\x86NX\x01\0\0\0a\x88\x86Nu",
    b"\x8f(X\x01\0\0\0aK\x01\x86\x85X\x01\0\0\0aK\x01\x86\x85\x90",
    // Things made of a list or dict that changes later.
    b"c__builtin__\nset\n](K\x01e\x85R", b"c__builtin__\nset\n]q\x30\x85Rh\x30K\x01a0",
    b"c__builtin__\nfrozenset\n]q\x30(K\x01eq\x31\x85Rh\x30K\x02a0",
    b"c__builtin__\nset\n]q\x30\x85R(K\x01\x90", b"c__builtin__\nset\n](]e\x85R",
    b"c__builtin__\nset\n](K\x01K\x01e\x85R", b"c__builtin__\nset\n)R",
    b"]q\x30h\x30K\x01ah\x30K\x02a0", b"]q\x30(h\x30h\x30t", b"]q\x30h\x30a",
    // The memo.
    b"K\x01q\x300h\x30", b"p5\n0K\x07", b"K\x01p05\n", b"K\x01p+5\n", b"K\x01p 5\n",
    b"K\x01p-5\n", b"K\x01p77\n0g77\n", b"K\x01p77\n0g077\n",
    b"K\x01q\x30K\x02\x94K\x03\x94\x87h\x01\x86", b"h\xee", b"K\x01r\0\0\0\x7f",
    b"K\x01r\xff\0\0\0", b"K\x01p18446744073709551615\n",
    // Names.
    b"\x80\x04c__builtin__\nset\n]\x85R", b"\x80\x02c__builtin__\nset\n]\x85R\x80\x04",
    b"cbuiltins\nset\n]\x85R",
    b"\x80\x05c_codecs\nencode\n(X\x01\0\0\0\xc3\xa9X\x06\0\0\0latin1tR",
    b"c_codecs\nencode\n(X\x02\0\0\0\xc3\xa9X\x06\0\0\0latin1tR", b"c__builtin__\nbytes\n)R",
    b"c__builtin__\nbytes\nK\x05\x85R", b"c__builtin__\nobject\n)\x81",
    b"c__builtin__\nset\n)\x81", b"c__builtin__\nset\n", b"ctracemalloc\nSnapshot\n)\x81",
    b"ctracemalloc\n_Traces\n)\x81", b"(ctracemalloc\n_Traces\n)\x81N0t",
    b"}ctracemalloc\n_Traces\n)\x81N0", b"}(ctracemalloc\n_Traces\n)\x81Nu",
    b"}(ctracemalloc\nSnapshot\n)\x81Nu", b"ctracemalloc\r\nSnapshot\n", b"c\nSnapshot\n",
    b"\x8c\x0btracemalloc\x8c\x08Snapshot\x93",
    // Frames, protocols, what needs the program.
    b"\x95\0\0\0\0\0\0\0\0N", b"\x95\x02\0\0\0\0\0\0\0N", b"\x95\xff\0\0\0\0\0\0\0N",
    b"\x95\0\0\0\0\0\0\0\x80N", b"\x80\x00N", b"\x80\x06N", b"Pid\n", b"NQ", b"\x82\x01",
    b"S'a'\n", b"U\x01a", b"T\x01\0\0\0a", b"\x96\x01\0\0\0\0\0\0\0a", b"\x97", b"N\x98",
    b"C\x02ab", b"B\x02\0\0\0ab", b"\x8e\x02\0\0\0\0\0\0\0ab", b"\x8e\0\0\0\0\0\0\0\x80ab",
    b"B\xff\xff\xff\xffab",
];
