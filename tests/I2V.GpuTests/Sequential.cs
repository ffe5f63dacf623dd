// There is one GPU, and tests that count its memory must not see each other's.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
