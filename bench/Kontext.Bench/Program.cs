using Kontext.Bench;

Benchmarks.Run(args);
