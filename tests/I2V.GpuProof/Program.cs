using I2V.GpuProof;

// What is compared with the reference implementation, and what is measured beside it; models/reference/prove runs it all.
return args switch
{
    ["build", var package, .. var options] => await BuildPackage.RunAsync(package, Options.Parse(options)),
    ["networks", var package, var reference, var output, .. var options] => CompareNetworks.Run(package, reference, output, Options.Parse(options)),
    ["film", var package, var reference, var output, .. var options] => CompareFilm.Run(package, reference, output, Options.Parse(options)),
    ["steps" or "decode" or "clip", var package, var output, .. var options] => MeasureSpeed.Run(args[0], package, output, Options.Parse(options)),
    ["spread", var package, var output, .. var options] => MeasureSpread.Run(package, output, Options.Parse(options)),
    ["rung", var package, var output, .. var options] => MeasureRungs.Run(package, output, Options.Parse(options)),
    ["rungs", var package, var output, .. var options] => EachAlone.Rungs(package, output, options),
    ["card", var package, var output, .. var options] => MeasureCard.Run(package, output, Options.Parse(options)),
    ["streaming", var package, var output, .. var options] => MeasureStreaming.Run(package, output, Options.Parse(options)),
    ["techniques", var package, var output, .. var options] => CompareTechniques.Run(package, output, Options.Parse(options)),
    ["cards", var package, var output, .. var options] => EachAlone.Cards(package, output, options),
    ["hold"] => HoldMemory.Run(),
    ["check", var folder] => CheckSpeed.Run(folder),
    _ => Options.Usage(),
};
